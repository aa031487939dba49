/** What a multiplexer is given, and what it gives. */
import type {
  Abortable,
  BlockDevice,
  Clock,
  Connector,
  Defer,
  ExportFacts,
  LimitOptions,
  Losses,
  Offset,
  ReadOptions,
  Trace,
  WriteOptions,
} from '@nbdjs/interfaces';
import type { DeviceState } from './connections/reconnect-states.ts';
import type { StrictChecks } from './export/strict.ts';
import type { ReplyLimits } from './replies/reply-limits.ts';
import type { Statistics } from './statistics.ts';

/** What people want to know who look after a device. That it is closed is told by `closed`. */
export type DeviceEvent =
  /** The last connection is gone; `cause` is absent when the server has ended it in order. */
  | { readonly type: 'lost'; readonly cause?: Error | undefined }
  /** There is a connection again, and by it so many requests were repeated that may have been forgotten. */
  | { readonly type: 'restored'; readonly requestsReplayed: number }
  /** Requests that waited for a connection fail. */
  | { readonly type: 'waited-in-vain'; readonly error: Error }
  /** What was acknowledged and not flushed may be gone; the next flush fails with the same. */
  | { readonly type: 'writes-lost'; readonly error: Error };

/** How much of what is written is remembered until it is flushed. */
export interface JournalOptions {
  /** Payload that is remembered, in bytes. @default 64 MiB */
  readonly bytesMax?: number | undefined;
  /** Requests that are remembered. @default 65536 */
  readonly requestsMax?: number | undefined;
  /**
   * When more is written between two flushes than is remembered: `give-up` goes on without, and if the server is lost then, the
   * next flush fails with a `WritesLostError`. `flush` has the server flush in time, and writes wait for that where they must.
   * @default 'give-up'
   */
  readonly whenFull?: 'give-up' | 'flush' | undefined;
}

export interface MultiplexerOptions {
  /** Where connections come from. The multiplexer owns it: it is released with it. */
  readonly connector: Connector;
  readonly clock: Clock;
  /**
   * When requests that were issued together leave together. Best is a moment after all promise continuations have run
   * (`process.nextTick`): then all that the replies of one delivery wake share one write.
   */
  readonly defer: Defer;
  /**
   * The event loop's next turn, behind input that is there already (`setImmediate`). With it, long payloads leave only then, and
   * while many requests are in flight and replies stream in, requests wait for others to share their write.
   * @default none: nothing waits
   */
  readonly nextTurn?: Defer | undefined;
  /** Where events are reported, see `traceEvents`. @default nowhere */
  readonly trace?: Trace | undefined;
  /** Checks that are to be off: for trying out servers. @default all on */
  readonly strict?: Partial<StrictChecks> | undefined;
  /**
   * How long requests wait for a new connection after a loss, in milliseconds. Those that were in flight are sent once more.
   * @default 0: they fail
   */
  readonly reconnectDelayMs?: number | undefined;
  /**
   * Whether there is another connection after the last one is lost. When off, that closes the device: for servers that were started
   * for this one, say, and would begin with nothing. @default true
   */
  readonly reconnects?: boolean | undefined;
  /** Told what becomes of the connections, and of what was written by them. @default nobody */
  readonly onEvent?: ((event: DeviceEvent) => void) | undefined;
  /**
   * A new connection that leads to something else than the first one (another size, fewer abilities) ends the device. When off,
   * others are tried for as long as the reconnect delay lasts. @default true
   */
  readonly stopOnPermanent?: boolean | undefined;
  /**
   * Remembers writes that are acknowledged and not flushed, and replays them when the server may have lost them: it costs
   * a copy of what is written. Only with a reconnect delay, and where the server offers FLUSH. When it is off, it is still noted
   * which ranges they are in, and when the server may have lost them, the next `flush` fails with a `WritesLostError`.
   * @default true
   */
  readonly journal?: boolean | JournalOptions | undefined;
  /** Connections at a time, where the server allows several (CAN_MULTI_CONN); each has the limits below. @default 1 */
  readonly connections?: number | undefined;
  /**
   * How long a request may take, from the call on and whatever happens meanwhile, in milliseconds; then it fails with a
   * `TimeoutError` of phase `request`. @default 0: no limit
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * How long a server that owes an answer may say nothing, in milliseconds; then its connection counts as lost, because of a
   * `TimeoutError` of phase `silence`. Must be longer than the server's slowest request. @default 0: no limit
   */
  readonly silenceMs?: number | undefined;
  /** An idle connection is tried by reading a block whenever nothing was heard for so long, in milliseconds. @default 0: never */
  readonly keepAliveMs?: number | undefined;
  /** How long `open` goes on trying, in milliseconds. @default 0: one attempt */
  readonly openTimeoutMs?: number | undefined;
  /** Requests in flight at a time; more wait for their turn. @default 1024 */
  readonly requestsInFlightMax?: number | undefined;
  /** Payload bytes in flight at a time, both ways. A longer request goes alone. @default 64 MiB */
  readonly bytesInFlightMax?: number | undefined;
  /** How much of a server's answers is taken; see `limits` of `@nbdjs/interfaces` for the defaults. */
  readonly limits?: LimitOptions<keyof ReplyLimits> | undefined;
  /** How long `close` waits, first for requests and then for the server's end, in milliseconds. @default 10000 */
  readonly closeMs?: number | undefined;
}

/**
 * A remote export.
 *
 * Buffers are *lent* until a call settles. Of a call that is abandoned by its signal they are the caller's again as soon as
 * it rejects: no byte of a late reply lands in them, and none of them is sent any more. For that, a read with a signal is
 * always copied, and a write rejects only when the channel has let go of its bytes.
 *
 * What was abandoned may still be carried out by the server, even after later requests.
 *
 * With a reconnect delay, requests whose connection is lost are sent again, and a read's `onChunk` then hears of the same bytes
 * once more. A server that lives on may still be at work on what a lost connection has brought it, and NBD has no means of
 * asking: of a write that was sent twice, the first may be carried out late, even over a later one to the same place.
 */
export interface Multiplexer extends BlockDevice, AsyncDisposable {
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void>;
  readLate(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): Promise<void>;
  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void>;
  /**
   * Makes the first connection; nothing else may be asked before. May be called again when it has failed.
   *
   * @throws what the connector throws, TimeoutError of phase `open`, or the signal's reason.
   */
  open(options?: Abortable): Promise<ExportFacts>;
  /** From now on there are to be so many connections at least, where the server allows several. */
  widen(connections: number): void;
  /** What the first connection settled; every later one has to offer the same. */
  readonly facts: ExportFacts;
  /** Writes that the server had acknowledged and may have lost, and flushes of it that have failed. */
  readonly losses: Losses;
  /**
   * Has the server make durable what it has acknowledged.
   *
   * @throws WritesLostError when some of it may be gone: the server was lost, and not all could be replayed.
   */
  flush(options?: Abortable): Promise<void>;
  /**
   * Waits for what is under way, replays what may need it, takes leave of the server, and releases everything. Does not flush.
   *
   * @throws WritesLostError as `flush` does. All is closed nevertheless.
   */
  close(): Promise<void>;
  /**
   * `connecting-wait`: requests wait for a connection. `connecting-nowait`: they fail unless one is ready. `closed` is for good.
   */
  readonly state: DeviceState;
  readonly statistics: Statistics;
  /** Settles when the multiplexer is closed, with the error that closed it, if nobody asked for it. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends everything now; requests that are under way fail. */
  destroy(cause?: Error): void;
}
