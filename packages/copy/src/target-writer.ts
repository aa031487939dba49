/** Writes bytes to a target, and zeroes by the quickest way that the target supports. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { errorAt, settleAll } from '@nbdjs/kit';
import type { CopySettings } from './options.ts';
import { plain } from './plan/segment.ts';
import { visitLongRuns } from './zero-blocks.ts';

/** Errors after which zeroing is not tried again: the target has no way of its own to do it. */
const withoutMeans = ['ENOTSUP', 'EINVAL', 'EOVERFLOW', 'ERR_NBD_NOT_SUPPORTED'];

export interface WriterTally {
  writtenBytes: bigint;
  zeroedBytes: bigint;
  skippedBytes: bigint;
}

export class TargetWriter {
  readonly tally: WriterTally = { writtenBytes: 0n, zeroedBytes: 0n, skippedBytes: 0n };
  readonly #target: BlockDevice;
  readonly #settings: CopySettings;
  readonly #zeroes: { bytes: Uint8Array | undefined };
  #canZero: boolean;

  /** `zeroes` is shared by several writers, so that one block of zeroes serves them all. */
  constructor(target: BlockDevice, settings: CopySettings, zeroes: { bytes: Uint8Array | undefined }) {
    this.#target = target;
    this.#settings = settings;
    this.#zeroes = zeroes;
    this.#canZero = target.abilities.writeZeroes;
  }

  /** Writes bytes, with runs of zero blocks turned into zeroing. Settles when `bytes` is not in use any more. */
  store(offset: bigint, bytes: Uint8Array): void | Promise<void> {
    const { sparseSize, joinBytes, allocated, targetIsZero } = this.#settings;
    // Zeroes that have to be allocated and cannot be zeroed would be written anyway.
    if (sparseSize === 0 || (!this.#canZero && !targetIsZero) || allocated) return this.#write(offset, bytes);
    const work: (void | Promise<void>)[] = [];
    visitLongRuns(bytes, sparseSize, Number(offset % BigInt(sparseSize)), joinBytes, (start, end, isZero) => {
      const from = offset + BigInt(start);
      if (isZero) work.push(this.zero(from, BigInt(end - start)));
      else work.push(this.#write(from, start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)));
    });
    return settleAll(work);
  }

  /** Makes a range read as zeroes. */
  zero(offset: bigint, length: bigint): void | Promise<void> {
    if (this.#settings.targetIsZero) {
      this.tally.skippedBytes += length;
      return undefined;
    }
    return this.#zero(offset, length);
  }

  async #zero(offset: bigint, length: bigint): Promise<void> {
    if (this.#canZero) {
      try {
        await this.#target.writeZeroes(plain(offset), plain(length), this.#settings.allocated ? { noHole: true } : {});
        this.tally.zeroedBytes += length;
        return;
      } catch (error) {
        if (!isWithoutMeans(error)) throw errorAt(error, `zeroing the target at ${offset}`);
        this.#canZero = false;
      }
    }
    await this.#writeZeroes(offset, length);
  }

  async #writeZeroes(offset: bigint, length: bigint): Promise<void> {
    this.#zeroes.bytes ??= new Uint8Array(this.#settings.requestSize);
    const { bytes } = this.#zeroes;
    for (let done = 0n; done < length; done += BigInt(bytes.length)) {
      this.#settings.signal?.throwIfAborted();
      const left = length - done;
      await this.#write(offset + done, left < bytes.length ? bytes.subarray(0, Number(left)) : bytes);
    }
  }

  #write(offset: bigint, bytes: Uint8Array): void | Promise<void> {
    const fail = (error: unknown): never => {
      throw errorAt(error, `writing the target at ${offset}`);
    };
    let written: void | Promise<void>;
    try {
      written = this.#target.write(plain(offset), bytes);
    } catch (error) {
      // Other parts of the same bytes may be under way, so nothing is thrown at once.
      return Promise.reject(error).catch(fail);
    }
    this.tally.writtenBytes += BigInt(bytes.length);
    return written?.catch(fail);
  }
}

function isWithoutMeans(error: unknown): boolean {
  return error instanceof Error && 'code' in error && withoutMeans.includes(String(error.code));
}
