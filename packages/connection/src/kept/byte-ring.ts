/**
 * A ring of bytes in shared memory: one thread writes, another reads, and neither ever waits for the other.
 *
 * Two counters hold how many bytes were ever written and read, modulo 2^32. Each is written by one side only and has a
 * cache line of its own. Bytes are in place before the counter that announces them is stored, which `Atomics` orders.
 */
import { copyShared } from './shared-memory.ts';

/** Counters are this far apart: two cache lines, because processors fetch them in pairs. */
const lineBytes = 128;

const writtenAt = 0;
const readAt = 1;
const writerWaitsAt = 2;
const readerWantsAt = 3;

/** The control words of a ring, in bytes. */
export const ringControlBytes = 4 * lineBytes;

/** The memory of one ring, which is part of a larger buffer. */
interface RingMemory {
  readonly buffer: SharedArrayBuffer;
  /** Where the control words are, in bytes; a multiple of 4. */
  readonly controlOffset: number;
  /** Where the bytes are. */
  readonly dataOffset: number;
  /** A power of two. */
  readonly capacityBytes: number;
}

/** Returns the least power of two that is not less than `byteCount`, from 4 KiB to 1 GiB. */
export function ringCapacity(byteCount: number): number {
  return 2 ** Math.min(Math.max(Math.ceil(Math.log2(byteCount)), 12), 30);
}

/** The part that both sides share. */
class Ring {
  protected readonly bytes: Uint8Array;
  protected readonly capacityBytes: number;
  readonly #words: Int32Array;

  constructor({ buffer, controlOffset, dataOffset, capacityBytes }: RingMemory) {
    this.#words = new Int32Array(buffer, controlOffset, ringControlBytes / Int32Array.BYTES_PER_ELEMENT);
    this.bytes = new Uint8Array(buffer, dataOffset, capacityBytes);
    this.capacityBytes = capacityBytes;
  }

  protected load(line: number): number {
    return Atomics.load(this.#words, (line * lineBytes) / Int32Array.BYTES_PER_ELEMENT);
  }

  protected store(line: number, value: number): void {
    Atomics.store(this.#words, (line * lineBytes) / Int32Array.BYTES_PER_ELEMENT, value);
  }

  /** Returns the part of the ring from a counter's place on, at most up to the end of its memory. */
  protected view(counter: number, byteCount: number): Uint8Array {
    const start = counter & (this.capacityBytes - 1);
    return this.bytes.subarray(start, Math.min(start + byteCount, this.capacityBytes));
  }
}

export class RingWriter extends Ring {
  #written = 0;

  /** How many bytes may be written now. The reader only ever adds to them. */
  get free(): number {
    return this.capacityBytes - ((this.#written - this.load(readAt)) >>> 0);
  }

  get capacity(): number {
    return this.capacityBytes;
  }

  /** Returns memory for the next bytes in one piece: perhaps not all that is free, and empty when the ring is full. */
  writable(): Uint8Array {
    return this.view(this.#written, this.free);
  }

  /** Announces that the first `byteCount` bytes of `writable` are filled in. */
  commit(byteCount: number): void {
    this.#written = (this.#written + byteCount) | 0;
    this.store(writtenAt, this.#written);
  }

  /** Copies in as many bytes as fit, and returns how many. */
  write(source: Uint8Array): number {
    let position = 0;
    while (position < source.length) {
      const target = this.writable();
      if (target.length === 0) break;
      const piece = source.subarray(position, position + target.length);
      copyShared(target, piece);
      this.commit(piece.length);
      position += piece.length;
    }
    return position;
  }

  /** Whether there are as many bytes as the reader waits for. */
  get isWanted(): boolean {
    return this.capacityBytes - this.free >= this.load(readerWantsAt);
  }

  /** Asks the reader to wake us when half the ring is free. Look at `free` once more after this. */
  awaitRoom(): void {
    this.store(writerWaitsAt, 1);
  }
}

export class RingReader extends Ring {
  #read = 0;

  /** How many bytes can be read now. The writer only ever adds to them. */
  get available(): number {
    return (this.load(writtenAt) - this.#read) >>> 0;
  }

  /** Returns the next bytes in one piece: perhaps not all, and empty when the ring is. */
  readable(): Uint8Array {
    return this.view(this.#read, this.available);
  }

  /** Gives the first `byteCount` bytes of `readable` back to the writer. */
  release(byteCount: number): void {
    this.#read = (this.#read + byteCount) | 0;
    this.store(readAt, this.#read);
  }

  /** Sets for how many bytes the writer should wake us, a quarter of the ring at most. Returns whether they are there already. */
  wants(byteCount: number): boolean {
    const wanted = Math.max(1, Math.min(byteCount, this.capacityBytes / 4));
    this.store(readerWantsAt, wanted);
    return this.available >= wanted;
  }

  /** Returns whether the writer waits for room and half the ring is free, so that it has to be woken. Returns that once. */
  owesRoom(): boolean {
    if (this.load(writerWaitsAt) === 0 || this.available > this.capacityBytes / 2) return false;
    this.store(writerWaitsAt, 0);
    return true;
  }
}
