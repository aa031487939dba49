/**
 * What several packages of nbdjs need and none of them owns. Each concept has one implementation, here. Pure: no Node, no
 * sockets, no clock of its own.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { isAllowed } from './access/is-allowed.ts';
export {
  AlignedAccess,
  type AlignedAccessOptions,
  type BlockAccess,
  type Change,
  type Range,
} from './alignment/aligned-access.ts';
export { RangeLock } from './alignment/range-lock.ts';
export { listenForAbort, stopListeningForAbort } from './async/abort-listening.ts';
export { BusyPoll } from './async/busy-poll.ts';
export { type Ahead, ReadAhead } from './async/read-ahead.ts';
export { Semaphore } from './async/semaphore.ts';
export { settleAll } from './async/settle-all.ts';
export { untilAborted } from './async/until-aborted.ts';
export { wait } from './async/wait.ts';
export { namedBy } from './channels/named-memory.ts';
export { StreamEnd } from './channels/stream-end.ts';
export { GrowingDelay, type GrowingDelayOptions, longestDelaysMs } from './delays/growing-delay.ts';
export { checkInside, requireGoing, requireInside } from './devices/bounds.ts';
export { Layer, type LayerPolicy } from './devices/layer.ts';
export { Lifetime } from './devices/lifetime.ts';
export { createSliceLayer, type SliceOptions } from './devices/slice.ts';
export { endInWords, isHangUp } from './errors/channel-end.ts';
export { copyError, errorAt } from './errors/copy-error.ts';
export { describeValue } from './errors/describe-value.ts';
export { type ErrorRecord, fromErrorRecord, toErrorRecord } from './errors/error-record.ts';
export { toError } from './errors/to-error.ts';
export { announceChannel, type ChannelTrace, channelClosed, peerField } from './events/channel-events.ts';
export {
  type DefinedEvents,
  defineEvents,
  type EventDefinition,
  type EventDefinitions,
  type EventFields,
  type EventSet,
  type EventsOf,
  type FieldsOf,
  type NamesOf,
  type ValueOf,
} from './events/define-events.ts';
export { type EventField, type EventFieldUnit, eventField } from './events/event-field.ts';
export { clipExtents } from './extents/clip-extents.ts';
export { ExtentCells, type ExtentCellsOptions, type StatusTotal } from './extents/extent-cells.ts';
export { type JointExtent, type JointWalkOptions, joinExtentLists, walkJointExtents } from './extents/joint-extents.ts';
export { dirtyBitmapPrefix, isAbsence, statusName } from './extents/status-name.ts';
export { totalExtents } from './extents/total-extents.ts';
export {
  type ExtentWalkOptions,
  extentsFrom,
  isMapFailure,
  walkExtentLists,
  walkExtents,
} from './extents/walk-extents.ts';
export { Holder } from './losses/holder.ts';
export { isLoss, LossLog, writesLostError } from './losses/loss-log.ts';
export { concatenate } from './memory/concatenate.ts';
export { crc32, crc32c } from './memory/crc.ts';
export { FreeList } from './memory/free-list.ts';
export { hexOf } from './memory/hex.ts';
export { isZero } from './memory/is-zero.ts';
export {
  defineOptions,
  type Flat,
  type GivenOptions,
  type GivenValue,
  type OptionDefinitions,
  type OptionSet,
  type OptionsOf,
  optionGroup,
  type RequiredName,
  type SettingsOf,
  type SettledOptions,
  type SettledValue,
} from './options/define-options.ts';
export {
  type AnyOption,
  type NumberText,
  type Option,
  type OptionEntry,
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
export { QueueDepth } from './pacing/queue-depth.ts';
export { addRanges, rangesOf } from './ranges/byte-ranges.ts';
export { IntervalMap, type ValueInterval } from './ranges/interval-map.ts';
export { type Interval, IntervalSet, type Position } from './ranges/interval-set.ts';
export { encodeNumbers, encodeRecord, type NumberField, type RawRecord, RecordSplitter } from './records/record.ts';
export { RecordWriter } from './records/record-writer.ts';
