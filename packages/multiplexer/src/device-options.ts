/** The options of a device: reconnecting, the journal, limits and checks. */
import { limits } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionGroup } from '@nbdjs/kit';
import type { DeviceEvent } from './device-events.ts';
import { journalOption } from './durability/journal-options.ts';
import { strictOptions } from './export/strict.ts';
import { replyLimits } from './replies/reply-limits.ts';

/** The options as data: defaults, units, checks and texts. */
export const deviceOptions = defineOptions({
  /**
   * How long requests wait for a new connection after a loss. Those that were in flight are sent once more. In
   * milliseconds.
   * @default 0: they fail
   */
  reconnectDelayMs: option.milliseconds({
    default: 0,
    zero: 'no wait: they fail',
    doc: 'How long requests wait for a new connection after a loss. Those that were in flight are sent once more.',
  }),
  /**
   * Whether there is another connection after the last one is lost. When off, that closes the device: for example for a
   * server that was started for this device, and has lost all data when it is started again.
   * @default true
   */
  reconnects: option.boolean({
    default: true,
    doc:
      'Whether there is another connection after the last one is lost. When off, that closes the device: ' +
      'for example for a server that was started for this device, and has lost all data when it is started again.',
  }),
  /** Called when connections are made or lost, and when writes by them are lost or replayed. @default none */
  onEvent: option.callback<(event: DeviceEvent) => void>({
    default: () => {},
    defaultText: 'none',
    doc: 'Called when connections are made or lost, and when writes by them are lost or replayed.',
  }),
  /**
   * A new connection that leads to something else than the first one (another size, fewer abilities) ends the device.
   * When off, others are tried for as long as the reconnect delay lasts.
   * @default true
   */
  stopOnPermanent: option.boolean({
    default: true,
    doc:
      'A new connection that leads to something else than the first one (another size, fewer abilities) ' +
      'ends the device. When off, others are tried for as long as the reconnect delay lasts.',
  }),
  /**
   * Keeps writes that are acknowledged and not flushed, and replays them when the server may have lost them: it
   * costs a copy of what is written, unless its memory is lent (`retainedWrites`). Only with a reconnect delay, and where the server
   * offers FLUSH. When it is off, it is still noted which ranges they are in, and when the server may have lost them, the next `flush` fails with a
   * `WritesLostError`.
   * @default true
   */
  journal: journalOption(
    'Keeps writes that are acknowledged and not flushed, and replays them when the server may have ' +
      'lost them: it costs a copy of what is written, unless its memory is lent (`retainedWrites`). ' +
      'Only with a reconnect delay, and where the server ' +
      'offers FLUSH. When it is off, it is still noted which ranges they are in, and when the server may ' +
      'have lost them, the next `flush` fails with a `WritesLostError`.',
  ),
  /** Connections at a time, where the server allows several (CAN_MULTI_CONN); each has the limits below. @default 1 */
  connections: option.count({
    default: 1,
    doc: 'Connections at a time, where the server allows several (CAN_MULTI_CONN); each has the limits below.',
  }),
  /**
   * How long a request may take from the call on, with all waits and repetitions; then it fails with a `TimeoutError` of
   * phase `request`. In milliseconds.
   * @default 0: no limit
   */
  requestTimeoutMs: option.milliseconds({
    default: 0,
    zero: 'no limit',
    doc:
      'How long a request may take from the call on, with all waits and repetitions; then it fails with a ' +
      '`TimeoutError` of phase `request`.',
  }),
  /**
   * How long a server may send nothing while an answer is awaited; then its connection counts as lost, because of a
   * `TimeoutError` of phase `silence`. Must be longer than the server's slowest request. In milliseconds.
   * @default 0: no limit
   */
  silenceMs: option.milliseconds({
    default: 0,
    zero: 'no limit',
    doc:
      'How long a server may send nothing while an answer is awaited; then its connection counts as lost, because ' +
      "of a `TimeoutError` of phase `silence`. Must be longer than the server's slowest request.",
  }),
  /**
   * An idle connection is tested by reading a block whenever nothing has arrived for so long. In milliseconds.
   * @default 0: never
   */
  keepAliveMs: option.milliseconds({
    default: 0,
    zero: 'never',
    doc: 'An idle connection is tested by reading a block whenever nothing has arrived for so long.',
  }),
  /** How long `open` goes on trying. In milliseconds. @default 0: one attempt */
  openTimeoutMs: option.milliseconds({ default: 0, zero: 'one attempt', doc: 'How long `open` goes on trying.' }),
  /** Requests in flight at a time on one connection; more wait for their turn. @default 1024 */
  requestsInFlightMax: option.count({
    default: limits.requestsInFlightMax,
    doc: 'Requests in flight at a time on one connection; more wait for their turn.',
  }),
  /**
   * Payload in flight at a time on one connection, both ways. A longer request goes alone. In bytes.
   * @default 64 MiB
   */
  bytesInFlightMax: option.bytes({
    default: limits.bytesInFlightMax,
    doc: 'Payload in flight at a time on one connection, both ways. A longer request goes alone.',
  }),
  /**
   * How long to stay awake for the next reply, in milliseconds, at most 10, while the server is found to answer that quickly; the
   * processor is busy meanwhile. 0 for sleeping at once. @default 0.1
   */
  busyPollMs: option.milliseconds({
    // As long as the server's, for the same reason: a peer on the same machine answers within it even where it has to be woken.
    default: 0.1,
    most: 10,
    zero: 'sleeping at once',
    doc: 'How long to stay awake for the next reply, while the server is found to answer that quickly.',
  }),
  /** How long `close` waits, first for requests and then for the server's end. In milliseconds. @default 10000 */
  closeMs: option.milliseconds({
    default: limits.closeMs,
    zero: 'no wait',
    doc: "How long `close` waits, first for requests and then for the server's end.",
  }),
  /** How much of a server's answers is taken. */
  limits: optionGroup(replyLimits, { doc: "How much of a server's answers is taken." }),
  /** Checks to switch off, to try out a server. @default all on */
  strict: optionGroup(strictOptions, {
    doc: 'Checks to switch off, to try out a server.',
    defaultText: 'all on',
  }),
});

/** How a device behaves, for any kind of connection. */
export interface DeviceOptions extends OptionsOf<typeof deviceOptions> {}
