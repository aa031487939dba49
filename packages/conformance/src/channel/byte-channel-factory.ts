/** Where the channels under test come from. */
import type { ByteChannel } from '@nbdjs/interfaces';

/** How the suite comes by the channels that it tests. */
export interface ByteChannelFactory {
  /** Makes a channel whose peer echoes every byte, and ends when we end. */
  connect(): Promise<ByteChannel>;
  /** Makes the peers vanish. Left out where that cannot be arranged. */
  kill?(): void;
  /**
   * Has the channel that was made last fail without either side closing it: something comes that its transport cannot make sense of,
   * or the layer that carries it reports that it is broken. Left out where a channel can only end.
   */
  fail?(): void;
  /** How many sockets, pipes and the like the process has open. Left out where that is not known. */
  openHandles?(): number;
}
