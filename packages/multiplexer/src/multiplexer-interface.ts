/** What a multiplexer gives. */
import type {
  Abortable,
  BlockDevice,
  DeferredReads,
  ExportFacts,
  Losses,
  Offset,
  ReadOptions,
  WriteOptions,
} from '@nbdjs/interfaces';
import type { DeviceState } from './connections/reconnect-states.ts';
import type { Statistics } from './statistics.ts';

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
  readonly deferredReads: DeferredReads;
  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void>;
  /**
   * Makes the first connection; nothing else may be asked before. May be called again when it has failed.
   *
   * @throws what the connector throws, TimeoutError of phase `open`, or the signal's reason.
   */
  open(options?: Abortable): Promise<ExportFacts>;
  /** Raises the number of connections to at least this, where the server allows several. */
  widen(connections: number): void;
  /** What was agreed with the first connection; every later one has to offer the same. */
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
  /** What has travelled so far, over all connections. Counts on while it is looked at. */
  readonly statistics: Statistics;
  /** Settles when the multiplexer is closed, with the error that closed it; `undefined` after `close` and `destroy`. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends everything now; requests that are under way fail. */
  destroy(cause?: Error): void;
}
