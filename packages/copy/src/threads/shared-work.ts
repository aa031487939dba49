/** What the threads of one copy share: which parts of the device are handed out, how much is done, and whether to stop. */
import { UsageError } from '@nbdjs/interfaces';

/** The work of a copy in several threads, as plain data that can be posted to a thread. */
export interface CopyShare {
  /** Counters that all threads see. */
  readonly memory: SharedArrayBuffer;
  /** Size of the source, in bytes. */
  readonly size: bigint;
  /** How many threads copy, the calling one included. */
  readonly threads: number;
}

/** A part of the device, in bytes. */
export interface Chunk {
  readonly start: bigint;
  readonly end: bigint;
}

const mebi = 1n << 20n;
/** A whole number of requests and of blocks, whose lengths are powers of two of at most 32 MiB. */
const chunkUnit = 64n * mebi;
/** The last chunks are small, so that the threads end at the same time. The first are larger, for the sake of the source's map. */
const chunkMax = 1024n * mebi;
/** A chunk has this part of a thread's share of what is left. */
const chunkShare = 4n;

const position = 0;
const doneBytes = 1;
const stopped = 2;
const tail = 3;
const fields = 4;

/** Makes the work of a copy: nothing of it is handed out. */
export function makeShare(size: bigint, threads: number): CopyShare {
  return { memory: new SharedArrayBuffer(8 * fields), size, threads };
}

/** One thread's access to the work. */
export class SharedWork {
  readonly size: bigint;
  readonly #threads: bigint;
  readonly #numbers: BigInt64Array;

  constructor({ memory, size, threads }: CopyShare) {
    this.size = size;
    this.#threads = BigInt(threads);
    this.#numbers = new BigInt64Array(memory);
  }

  /** Takes the next part before `end`, which no other thread gets; `undefined` when all are taken, or the copy stops. */
  take(end: bigint): Chunk | undefined {
    for (;;) {
      const start = Atomics.load(this.#numbers, position);
      if (start >= end || this.isStopped) return undefined;
      const next = start + this.#chunkLength(end - start);
      const chunkEnd = next < end ? next : end;
      if (Atomics.compareExchange(this.#numbers, position, start, chunkEnd) === start) return { start, end: chunkEnd };
    }
  }

  /** Takes the short block at the end of the device. Returns whether no other thread has it. */
  takeTail(): boolean {
    return Atomics.exchange(this.#numbers, tail, 1n) === 0n;
  }

  /** Returns how many bytes all threads have done. */
  add(bytes: bigint): bigint {
    return Atomics.add(this.#numbers, doneBytes, bytes) + bytes;
  }

  /** Bytes that all threads have done. */
  get doneBytes(): bigint {
    return Atomics.load(this.#numbers, doneBytes);
  }

  /** Lets segments in flight end, and nothing new begin, in all threads. */
  stop(): void {
    Atomics.store(this.#numbers, stopped, 1n);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#numbers, stopped) !== 0n;
  }

  /** @throws UsageError when a thread has opened a source of another size. */
  requireSize(size: bigint): void {
    if (size === this.size) return;
    const message = `the source has ${size} bytes in one thread, expected ${this.size} as in the others`;
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', message);
  }

  #chunkLength(left: bigint): bigint {
    const share = left / (chunkShare * this.#threads);
    const length = share < chunkMax ? share : chunkMax;
    return length < chunkUnit ? chunkUnit : length - (length % chunkUnit);
  }
}
