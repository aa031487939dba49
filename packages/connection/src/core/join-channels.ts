/** Two channels as one: what comes by one goes on by the other. */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';

const memoryBytes = 256 * 1024;

/**
 * Sends what comes by each channel on by the other, no faster than it is taken, until both have ended. Both belong to this call.
 * The end of one ends the other, in the same way.
 */
export function joinChannels(one: ByteChannel, other: ByteChannel): void {
  one.open(new Forwarder(one, other));
  other.open(new Forwarder(other, one));
}

class Forwarder implements ByteSink {
  readonly #from: ByteChannel;
  readonly #to: ByteChannel;
  #memory = new Uint8Array(memoryBytes);

  constructor(from: ByteChannel, to: ByteChannel) {
    this.#from = from;
    this.#to = to;
  }

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    if (this.#to.send([this.#memory.subarray(0, byteCount)])) return;
    // What was sent is lent until `drained`, and more may come before the pause takes effect.
    this.#memory = new Uint8Array(memoryBytes);
    this.#from.pause(true);
  }

  /** The channel that is read here has sent what came by the other one. */
  drained(): void {
    this.#to.pause(false);
  }

  ended(cause?: Error): void {
    if (cause === undefined) this.#to.end();
    else this.#to.destroy(cause);
  }
}
