/**
 * What a client sends before its turn, while it waits for a place. The channel is read only to notice that the client leaves; its bytes
 * are kept, and handled afterwards.
 */
import type { ByteSink } from '@nbdjs/interfaces';

/** A client that has sent something is not read any more; this is room for the bytes that arrive at once. */
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
      if (target.length === 0) throw new Error('there is no memory for what the client has sent before its turn');
      sink.advance(this.moveTo(target));
    }
  }
}
