/** Collects exactly as many bytes as a message has, wherever the stream is cut. */
import { UsageError } from '@nbdjs/interfaces';

/**
 * Names the memory for the bytes of a stream, and returns messages of known length.
 *
 * `expect` sets the length of the next message, `writable` returns the memory for its missing bytes (never more, so that the
 * kernel keeps what follows), `advance` notes how many have landed, and `take` returns the whole message. One buffer is used
 * for all messages; it grows up to the bound given at the start.
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

  /**
   * Begins a message of `byteCount` bytes. Check a length from the wire against a limit before.
   *
   * @throws UsageError `ERR_NBD_ARGUMENT` when `byteCount` is above the bound.
   */
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

  /**
   * `byteCount` bytes have landed at the start of the memory that `writable` returned last.
   *
   * @throws UsageError `ERR_NBD_ARGUMENT` when fewer bytes are missing.
   */
  advance(byteCount: number): void {
    if (!Number.isSafeInteger(byteCount) || byteCount < 0 || byteCount > this.missing) {
      throw new UsageError('ERR_NBD_ARGUMENT', `cannot advance by ${byteCount} bytes: ${this.missing} are missing`);
    }
    this.#landed += byteCount;
  }

  /**
   * The whole message; valid until the next `expect`.
   *
   * @throws UsageError `ERR_NBD_STATE` when bytes of it are missing.
   */
  take(): Uint8Array {
    if (this.missing > 0)
      throw new UsageError('ERR_NBD_STATE', `the message is not whole: ${this.missing} bytes are missing`);
    return this.partial;
  }
}
