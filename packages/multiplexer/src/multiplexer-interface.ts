/** The device that `createMultiplexer` makes. */
import type {
  Abortable,
  BlockDevice,
  DeferredReads,
  DeviceResizing,
  ExportFacts,
  Losses,
  Offset,
  ReadOptions,
  RetainedWrites,
  WriteOptions,
} from '@nbdjs/interfaces';
import type { DeviceState } from './connections/reconnect-states.ts';
import type { Statistics } from './statistics.ts';

/**
 * A remote export.
 *
 * Buffers are *lent* until a call settles. When a call is aborted by its signal, they are the caller's again as soon as it rejects: no
 * byte of a late reply lands in them, and none of them is sent any more. For that, a read with a signal is always copied, and a write
 * rejects only when the channel has let go of its bytes.
 *
 * The server may still carry out an aborted request, even after later requests.
 *
 * With a reconnect delay, requests whose connection is lost are sent again. A server that lives on may still be at work on what a lost
 * connection has brought it, and NBD has no means of asking: of a write that was sent twice, the first may be carried out late, even
 * over a later one to the same place.
 */
export interface Multiplexer extends BlockDevice, AsyncDisposable {
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void>;
  readonly deferredReads: DeferredReads;
  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void>;
  /** Writes that the journal keeps without a copy. */
  readonly retainedWrites: RetainedWrites;
  /**
   * Makes the first connection. To be called before anything else, and again when it has failed.
   *
   * @throws what the connector throws, TimeoutError of phase `open`, or the signal's reason.
   */
  open(options?: Abortable): Promise<ExportFacts>;
  /**
   * Changes of the size, by the specification's resize extension; `undefined` where the server does not offer it for this export. To make it
   * shorter, what is under way in the area that goes is waited for, and nothing new is sent there (R3).
   */
  readonly resizing: DeviceResizing | undefined;
  /** Raises the number of connections to at least this, where the server allows several. */
  widen(connections: number): void;
  /** What was agreed with the first connection; every later one has to offer the same. The size is the present one. */
  readonly facts: ExportFacts;
  /** Writes that the server had acknowledged and may have lost, and flushes of it that have failed. */
  readonly losses: Losses;
  /**
   * Makes the server store durably every write that it has acknowledged (`NBD_CMD_FLUSH`).
   *
   * @throws WritesLostError when some of it may be gone: the server was lost, and not all could be replayed.
   */
  flush(options?: Abortable): Promise<void>;
  /**
   * Waits for what is under way, replays writes that may be lost, disconnects (`NBD_CMD_DISC`), and releases everything. Does not flush.
   *
   * @throws WritesLostError as `flush` does. All is closed nevertheless.
   */
  close(): Promise<void>;
  /**
   * `connecting-wait`: requests wait for a connection. `connecting-nowait`: they fail unless one is ready. `closed` is for good.
   */
  readonly state: DeviceState;
  /** What was sent and received so far, over all connections. The object goes on counting. */
  readonly statistics: Statistics;
  /** Settles when the multiplexer is closed, with the error that closed it; `undefined` after `close` and `destroy`. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends everything now; requests that are under way fail. */
  destroy(cause?: Error): void;
}
