/** The factory that the author of a channel gives to the suite. */
import type { ByteChannel } from '@nbdjs/interfaces';

/** Makes the channels that the suite tests. */
export interface ByteChannelFactory {
  /** Makes a channel whose peer echoes every byte, and ends when we end. */
  connect(): Promise<ByteChannel>;
  /** Makes the peers end without closing their connections in order. Left out where that is not possible. */
  kill?(): void;
  /**
   * Makes the channel that was created last fail without either side closing it: bytes arrive that its transport cannot decode,
   * or the layer below reports an error. Left out where a channel can only end.
   */
  fail?(): void;
  /** How many sockets, pipes and the like the process has open. Left out where that is not known. */
  openHandles?(): number;
}
