/** The options of a replay. */
import type { Clock, Established } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { PayloadHash } from '../recording/session-log.ts';
import type { ReplayWish } from './recorded-negotiation.ts';
import type { ReplayDifference } from './report.ts';

/** The options of `replayRecording` as data. */
export const replayOptions = defineOptions({
  /** Opens a connection like a recorded one. Each connection of the recording gets one of its own. */
  connect: option.callback<(wish: ReplayWish) => Promise<Established>>({
    required: true,
    doc: 'Opens a connection like a recorded one. Each connection of the recording gets one of its own.',
  }),
  /** Also send requests that change the export. @default false */
  destructive: option.boolean({ default: false, doc: 'Also send requests that change the export.' }),
  /**
   * How many times as fast as in the recording requests are sent, 1 for the recorded times.
   * @default each when the answers that came before it in the recording have come
   */
  speed: option.checked<number>(
    { expected: 'a number above 0', holds: (value) => typeof value === 'number' && value > 0 && value < 1e9 },
    {
      doc: 'How many times as fast as in the recording requests are sent, 1 for the recorded times.',
      defaultText: 'each when the answers that came before it in the recording have come',
    },
  ),
  /** Only these connections. @default all */
  connections: option.checked<readonly number[]>(
    { expected: 'an array of numbers', holds: (value) => Array.isArray(value) && value.every(Number.isInteger) },
    { doc: 'Only these connections.', defaultText: 'all' },
  ),
  /** The longest read or write that is replayed, in bytes. @default 67108864 */
  lengthMax: option.bytes({ default: 2 ** 26, least: 1, doc: 'The longest read or write that is replayed.' }),
  /** Bytes of data of all requests in flight together. @default 268435456 */
  bytesMax: option.bytes({ default: 2 ** 28, least: 1, doc: 'Data of all requests in flight together.' }),
  /** How long the answer to a request may take, in milliseconds. @default 30000 */
  timeoutMs: option.milliseconds({ default: 30_000, doc: 'How long the answer to a request may take.' }),
  /** Called with each answer that differs. */
  onDifference: option.callback<(difference: ReplayDifference) => void>({
    doc: 'Called with each answer that differs.',
  }),
  /** Makes a SHA-256, for recordings that have the hashes of payloads. With Node, it is `() => createHash('sha256')`. */
  createHash: option.callback<() => PayloadHash>({
    doc: "Makes a SHA-256, for recordings that have the hashes of payloads. With Node, it is `() => createHash('sha256')`.",
  }),
  /** Time. */
  clock: option.object<Clock>({ required: true, doc: 'Time.' }),
  /** Ends the replay. */
  signal: option.signal({ doc: 'Ends the replay.' }),
});

/** How a recording is replayed. */
export interface ReplayOptions extends OptionsOf<typeof replayOptions> {}
