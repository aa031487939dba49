/** The seam for transports of others: where channels come from that are connected and not negotiated yet. */
import type { ByteChannel } from './byte-channel.ts';

/** What an opener is given for one channel. */
export interface OpenChannelOptions {
  /** Aborts when the channel is not wanted any more, or the time to connect is over. */
  readonly signal: AbortSignal;
}

/**
 * Opens channels to one server, each over a connection of its own.
 *
 * A caller opens one channel for each attempt to connect: a second one when a connection is lost, when several connections are used, and
 * when a server has to be asked again with fewer options. A channel that comes after its signal has aborted is closed by the caller.
 */
export interface ChannelOpener {
  /** How messages call the server, such as `wss://host/path`; one line, without secrets. @default 'NBD' */
  readonly name?: string | undefined;
  /**
   * Opens a channel that is connected, and has delivered no byte yet. It belongs to the caller.
   *
   * @throws ConnectError when there is no server, UsageError for what would fail in the same way each time. Any other error becomes the
   *   cause of a ConnectError.
   */
  open(options: OpenChannelOptions): ByteChannel | PromiseLike<ByteChannel>;
}
