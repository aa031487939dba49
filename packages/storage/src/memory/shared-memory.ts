/**
 * The bytes of devices that several threads have, in shared memory. They are in chunks, because one piece of shared memory has a limit.
 * The system gives no memory to what was never touched. Which units hold something is in a bitmap, which the threads change atomically.
 */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { possibleSize, wholeBytes } from './memory-size.ts';

/** How long a chunk is: all but the last one are this long. */
export const chunkBytes = 2 ** 30;
/** What is in use is remembered in units of this length. */
export const unitBytes = 64 * 1024;
/** Units of one number of the bitmap. */
export const unitsPerWord = 32;
const chunksMax = 64;
/** The longest memory that threads can share, in bytes. */
export const sharedMemoryBytesMax = chunksMax * chunkBytes;

export const sharedMemoryOptions = defineOptions({
  /** In bytes, up to 64 GiB. */
  size: option.checked<number | bigint>(wholeBytes, { required: true, doc: 'The size in bytes, up to 64 GiB.' }),
});

/** How much memory threads share. */
export interface SharedMemoryOptions extends OptionsOf<typeof sharedMemoryOptions> {}

/** Memory of devices in several threads: plain data, which can be sent to threads. Its parts are of no use to anything but the devices. */
export interface SharedMemory {
  /** In bytes. */
  readonly size: number;
  /** The bytes. */
  readonly chunks: readonly SharedArrayBuffer[];
  /** A bit for each unit: whether it holds something. The bytes of all others are zero. */
  readonly used: SharedArrayBuffer;
}

/**
 * Reserves memory, all zeroes, for devices in several threads (`createSharedMemoryDevice`). The system gives it as it is written, and
 * gets it back when no thread has it any more, not when ranges are trimmed.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing, and for more than 64 GiB; `ERR_NBD_NOT_SUPPORTED`
 *   when the system does not reserve so much.
 */
export function createSharedMemory(options: SharedMemoryOptions): SharedMemory {
  const given = possibleSize(BigInt(sharedMemoryOptions.resolve('createSharedMemory', options).size));
  if (given > sharedMemoryBytesMax) {
    const message = `threads cannot share ${given} bytes of memory, expected ${sharedMemoryBytesMax} (64 GiB) at most`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const size = Number(given);
  try {
    const chunks: SharedArrayBuffer[] = [];
    for (let start = 0; start < size; start += chunkBytes) {
      chunks.push(new SharedArrayBuffer(Math.min(chunkBytes, size - start)));
    }
    const words = Math.ceil(size / (unitBytes * unitsPerWord));
    return { size, chunks, used: new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT) };
  } catch (cause) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `the system does not reserve ${size} bytes of memory`, { cause });
  }
}
