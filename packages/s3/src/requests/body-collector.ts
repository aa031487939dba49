/** The body of an answer, gathered in one piece of memory. */
import type { IncomingMessage } from 'node:http';
import { concatenate } from '@nbdjs/kit';

/** What is kept of the body of an error, in bytes. */
const errorBytesMax = 65_536;

/** A length is only believed up to here before the bytes are there. */
const believedBytesMax = 64 * 2 ** 20;

/** Gathers the pieces of one body. Methods that return a text say what is wrong. */
export class BodyCollector {
  readonly #isError: boolean;
  readonly #bytesMax: number;
  /** As the answer says; `undefined` where it does not. */
  readonly #length: number | undefined;
  readonly #whole: Uint8Array | undefined;
  readonly #pieces: Uint8Array[] = [];
  #received = 0;

  constructor({ statusCode = 0, headers }: IncomingMessage, bytesMax: number, isHead: boolean) {
    this.#isError = statusCode >= 300;
    this.#bytesMax = this.#isError ? errorBytesMax : bytesMax;
    const length = headers['content-length'];
    if (isHead || length === undefined) return;
    this.#length = Number(length);
    const isBelieved = !this.#isError && this.#length <= Math.min(this.#bytesMax, believedBytesMax);
    // Its memory is not cleared: it is only given away when each byte of it has come.
    if (isBelieved) this.#whole = new Uint8Array(Buffer.allocUnsafeSlow(this.#length).buffer);
  }

  add(piece: Uint8Array): string | undefined {
    const from = this.#received;
    this.#received += piece.length;
    if (this.#isError) {
      if (from < this.#bytesMax) this.#pieces.push(piece.slice(0, this.#bytesMax - from));
      // The rest of a long text about an error is of no use, and a text without an end is a danger.
      return this.#received > 16 * errorBytesMax ? 'the text of an error has no end' : undefined;
    }
    if (this.#received > this.#bytesMax || (this.#length ?? this.#received) > this.#bytesMax) {
      return `the body has ${this.#length ?? this.#received} bytes or more, expected at most ${this.#bytesMax}`;
    }
    if (this.#whole === undefined) this.#pieces.push(piece);
    else this.#whole.set(piece, from);
    return undefined;
  }

  check(isComplete: boolean): string | undefined {
    if (isComplete && (this.#length === undefined || this.#received === this.#length)) return undefined;
    return `the answer was cut short: ${this.#received} bytes came, expected ${this.#length ?? 'more'}`;
  }

  bytes(): Uint8Array {
    return this.#whole ?? concatenate(this.#pieces);
  }
}
