/**
 * What several packages of nbdjs need and none of them owns. Each concept has one implementation, here. Pure: no Node, no
 * sockets, no clock of its own.
 *
 * @packageDocumentation
 */
export { endInWords, isHangUp } from './errors/channel-end.ts';
export { describeValue } from './errors/describe-value.ts';
export { type ErrorRecord, fromErrorRecord, toErrorRecord } from './errors/error-record.ts';
export { Holder } from './losses/holder.ts';
export { isLoss, LossLog, writesLostError } from './losses/loss-log.ts';
export {
  defineOptions,
  type GivenOptions,
  type OptionDefinitions,
  type OptionEntry,
  type OptionSet,
  type OptionsOf,
  optionGroup,
  type SettingsOf,
  type SettledOptions,
} from './options/define-options.ts';
export { settleLimits } from './options/limits.ts';
export {
  type AnyOption,
  type NumberText,
  type Option,
  type OptionText,
  type OptionUnit,
  option,
} from './options/option.ts';
export {
  checkDevice,
  checkOptions,
  type OptionCheck,
  type OptionChecks,
  optionChecks,
} from './options/option-checks.ts';
