/**
 * What a client says before its turn, while it waits for a place. It is listened to only to find out whether it leaves; what it
 * says is kept and heard afterwards.
 */
import type { ByteSink } from '@nbdjs/interfaces';

/** Nothing more is read of a client that has said something; this is for what arrives at once. */
const landingBytes = 4096;

export class EarlyBytes {
  #bytes = new Uint8Array(0);
  /** Where the next bytes land. */
  readonly memory = new Uint8Array(landingBytes);

  get length(): number {
    return this.#bytes.length;
  }

  /** So many bytes have landed in `memory`. */
  landed(byteCount: number): void {
    const both = new Uint8Array(this.#bytes.length + byteCount);
    both.set(this.#bytes);
    both.set(this.memory.subarray(0, byteCount), this.#bytes.length);
    this.#bytes = both;
  }

  /** Moves bytes to `target`, as many as there are and fit. Returns how many. */
  moveTo(target: Uint8Array): number {
    const byteCount = Math.min(target.length, this.#bytes.length);
    target.set(this.#bytes.subarray(0, byteCount));
    this.#bytes = this.#bytes.slice(byteCount);
    return byteCount;
  }

  /** Hands all bytes to a sink, as a channel would. */
  pourInto(sink: ByteSink): void {
    while (this.length > 0) {
      const target = sink.writable();
      if (target.length === 0) throw new Error('there is no memory for what the client has said before its turn');
      sink.advance(this.moveTo(target));
    }
  }
}
