/** How long attempts to connect go on: options of every function that repeats them. */
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';

export const repetitionOptions = defineOptions({
  /** A permanent refusal, such as an unknown export, ends the repetition of attempts. @default true */
  stopOnPermanent: option.boolean({
    default: true,
    doc: 'A permanent refusal, such as an unknown export, ends the repetition of attempts.',
  }),
  /** An export that the server does not have is waited for, like a server that does not listen yet. @default false */
  awaitExport: option.boolean({
    default: false,
    doc: 'An export that the server does not have is waited for, like a server that does not listen yet.',
  }),
  /**
   * More than 0: until the first success, attempts are repeated even while `retry` is off, and a wait lasts at most this long. In
   * milliseconds. @default 0
   */
  openTimeoutMs: option.milliseconds({
    default: 0,
    zero: 'one attempt',
    doc: 'Until the first success, attempts are repeated, and a wait lasts at most this long.',
  }),
  /** Attempts until the first success; after that many, the wait fails with the last error. @default as many as the time allows */
  openAttemptsMax: option.count({
    defaultText: 'as many as the time allows',
    doc: 'Attempts until the first success; after that many, the wait fails with the last error.',
  }),
});

/** How long attempts to connect go on. */
export interface RepetitionOptions extends OptionsOf<typeof repetitionOptions> {}

export interface RepetitionSettings extends SettingsOf<typeof repetitionOptions> {}
