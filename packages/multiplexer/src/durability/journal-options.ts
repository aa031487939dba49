/** How much of what is written is remembered until it is flushed. */
import { UsageError } from '@nbdjs/interfaces';
import {
  defineOptions,
  describeValue,
  type Option,
  type OptionsOf,
  option,
  optionChecks,
  type SettingsOf,
} from '@nbdjs/kit';

const journalOptions = defineOptions({
  /** Payload that is remembered, in bytes. @default 64 MiB */
  bytesMax: option.bytes({ default: 64 * 2 ** 20, zero: 'none', doc: 'Payload that is kept.' }),
  /** Requests that are kept. @default 65536 */
  requestsMax: option.count({ default: 65_536, zero: 'none', doc: 'Requests that are kept.' }),
  /**
   * When more is written between two flushes than is kept: `give-up` goes on without, and if the server is lost then, the
   * next flush fails with a `WritesLostError`. `flush` has the server flush in time (after a few MiB while it answers a flush
   * within a millisecond, else at the half), and writes wait for that where they must.
   * @default 'give-up'
   */
  whenFull: option.oneOf(['give-up', 'flush'], {
    default: 'give-up',
    doc:
      'When more is written between two flushes than is kept: `give-up` goes on without, and if the server is lost ' +
      'then, the next flush fails with a `WritesLostError`. `flush` has the server flush in time (after a few MiB while it ' +
      'answers a flush within a millisecond, else at the half), and writes wait for that where they must.',
  }),
});

/** How much of what is written is remembered until it is flushed, and what follows when that is not enough. */
export interface JournalOptions extends OptionsOf<typeof journalOptions> {}

/** The same after checks and defaults. */
export interface JournalSettings extends SettingsOf<typeof journalOptions> {
  /** Off: it is only noted which ranges unflushed writes are in. */
  readonly isOn: boolean;
}

const check = optionChecks.either(optionChecks.boolean, optionChecks.object);

/** An option that is off, on, or on with bounds of its own. */
export function journalOption(doc: string): Option<boolean | JournalOptions, JournalSettings> {
  const settle = (where: string, given: boolean | JournalOptions): JournalSettings => {
    if (!check.holds(given)) {
      throw new UsageError('ERR_NBD_ARGUMENT', `${where} is ${describeValue(given)}, expected ${check.expected}`);
    }
    const bounds = journalOptions.resolve(where, typeof given === 'boolean' ? {} : given);
    return Object.freeze({ ...bounds, isOn: given !== false });
  };
  return Object.freeze({
    kind: 'journal',
    unit: undefined,
    zero: undefined,
    isRequired: false as const,
    default: settle('a default', true),
    defaultText: 'true',
    expected: check.expected,
    members: journalOptions.entries,
    doc,
    settle,
  });
}
