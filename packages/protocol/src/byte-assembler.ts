/** Collects exactly as many bytes as a message has, however the stream is cut. */
import { UsageError } from '@nbdjs/interfaces';

/**
 * Says where the bytes of a stream must land and hands out messages of known length.
 *
 * `expect` names the length of the next message, `writable` gives the memory for what is still missing of it (never
 * more, so that the kernel keeps what lies behind), `advance` tells how much has landed, `take` hands out the whole.
 * One buffer is used again and again; it grows up to the bound given at the start.
 */
export class ByteAssembler {
  readonly #bytesMax: number;
  #buffer = new Uint8Array(256);
  #expected = 0;
  #landed = 0;

  /** `bytesMax` bounds the length of a message, and with it the memory. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes still missing of the expected message. */
  get missing(): number {
    return this.#expected - this.#landed;
  }

  /** What has landed of the expected message so far; valid until the next `expect`. */
  get partial(): Uint8Array {
    return this.#buffer.subarray(0, this.#landed);
  }

  /** Starts a message of `byteCount` bytes. Whoever reads lengths off the wire checks them before. */
  expect(byteCount: number): void {
    if (!Number.isSafeInteger(byteCount) || byteCount < 0 || byteCount > this.#bytesMax) {
      throw new UsageError('ERR_NBD_ARGUMENT', `cannot expect ${byteCount} bytes: the bound is ${this.#bytesMax}`);
    }
    if (byteCount > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.min(this.#bytesMax, Math.max(byteCount, 2 * this.#buffer.length)));
    }
    this.#expected = byteCount;
    this.#landed = 0;
  }

  /** The memory for the missing bytes; empty when none is missing. */
  writable(): Uint8Array {
    return this.#buffer.subarray(this.#landed, this.#expected);
  }

  /** `byteCount` bytes have landed at the start of what `writable` gave. */
  advance(byteCount: number): void {
    if (!Number.isSafeInteger(byteCount) || byteCount < 0 || byteCount > this.missing) {
      throw new UsageError('ERR_NBD_ARGUMENT', `cannot advance by ${byteCount} bytes: ${this.missing} are missing`);
    }
    this.#landed += byteCount;
  }

  /** The whole message; valid until the next `expect`. */
  take(): Uint8Array {
    if (this.missing > 0)
      throw new UsageError('ERR_NBD_STATE', `the message is not whole: ${this.missing} bytes are missing`);
    return this.partial;
  }
}
