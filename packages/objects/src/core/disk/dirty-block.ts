/** What was written to a block, and is not in the store yet. */
import { IntervalSet } from '@nbdjs/kit';
import { chunksPerObject } from '../format/data-object.ts';

/** New bytes of one chunk. */
interface DirtyChunk {
  /** As long as a chunk; `undefined` for zeroes. */
  bytes: Uint8Array | undefined;
  /** Which bytes are new; `undefined`: all of them. */
  valid: IntervalSet<number> | undefined;
}

/** One layer of new bytes: those that are being stored, or those that have come since. */
export class DirtyLayer {
  readonly #chunkBytes: number;
  readonly #chunks: (DirtyChunk | undefined)[] = [];
  /** The version of the first write in it. */
  oldest = Number.POSITIVE_INFINITY;
  /** Memory that it has, in bytes. */
  bytes = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  get isEmpty(): boolean {
    return this.oldest === Number.POSITIVE_INFINITY;
  }

  /** Whether all bytes of all chunks are new. */
  get isFull(): boolean {
    for (let chunk = 0; chunk < chunksPerObject; chunk++) if (!this.hasAll(chunk)) return false;
    return true;
  }

  has(chunk: number): boolean {
    return this.#chunks[chunk] !== undefined;
  }

  hasAll(chunk: number): boolean {
    const one = this.#chunks[chunk];
    return one !== undefined && one.valid === undefined;
  }

  /** Whether the chunk is new, and of zeroes. */
  isZero(chunk: number): boolean {
    const one = this.#chunks[chunk];
    return one !== undefined && one.valid === undefined && one.bytes === undefined;
  }

  /** Stores bytes of one chunk, from `position` on; `source` is copied. */
  write(chunk: number, position: number, source: Uint8Array, version: number): void {
    const one = this.#writable(chunk);
    (one.bytes as Uint8Array).set(source, position);
    this.#note(one, position, position + source.length, version);
  }

  /** Makes a part of a chunk zero. */
  zero(chunk: number, from: number, to: number, version: number): void {
    if (from === 0 && to === this.#chunkBytes) {
      if (this.#chunks[chunk]?.bytes !== undefined) this.bytes -= this.#chunkBytes;
      this.#chunks[chunk] = { bytes: undefined, valid: undefined };
      this.oldest = Math.min(this.oldest, version);
      return;
    }
    const one = this.#writable(chunk);
    (one.bytes as Uint8Array).fill(0, from, to);
    this.#note(one, from, to, version);
  }

  /** Copies what is new in a part of a chunk to `target`, which is that part. Returns the parts that are not new. */
  copy(chunk: number, from: number, to: number, target: Uint8Array): readonly (readonly [from: number, to: number])[] {
    const one = this.#chunks[chunk];
    if (one === undefined) return [[from, to]];
    const { bytes, valid } = one;
    const put = (start: number, end: number): void => {
      const place = target.subarray(start - from, end - from);
      if (bytes === undefined) place.fill(0);
      else place.set(bytes.subarray(start, end));
    };
    if (valid === undefined) {
      put(from, to);
      return [];
    }
    const gaps: (readonly [number, number])[] = [];
    let position = from;
    for (const [start, end] of valid.intervals()) {
      if (end <= from) continue;
      if (start >= to) break;
      const first = Math.max(start, from);
      const last = Math.min(end, to);
      if (first > position) gaps.push([position, first]);
      put(first, last);
      position = last;
    }
    if (position < to) gaps.push([position, to]);
    return gaps;
  }

  /**
   * All bytes of a chunk: what is new, over what is there. `undefined` for zeroes. The memory may be that of the layer.
   */
  merged(chunk: number, below: Uint8Array | undefined): Uint8Array | undefined {
    const one = this.#chunks[chunk];
    if (one === undefined) return below;
    if (one.valid === undefined) return one.bytes;
    const whole = new Uint8Array(this.#chunkBytes);
    if (below !== undefined) whole.set(below);
    this.copy(chunk, 0, this.#chunkBytes, whole);
    return whole;
  }

  /** Takes over what an older layer has and this one does not. */
  adopt(older: DirtyLayer): void {
    for (let chunk = 0; chunk < chunksPerObject; chunk++) {
      const below = older.#chunks[chunk];
      if (below === undefined || this.hasAll(chunk)) continue;
      const above = this.#chunks[chunk];
      if (above !== undefined) {
        // What is new here goes over what is new there, and the memory there is kept.
        const merged = older.#writable(chunk);
        for (const [from, to] of above.valid?.intervals() ?? []) {
          (merged.bytes as Uint8Array).set((above.bytes as Uint8Array).subarray(from, to), from);
          merged.valid?.add(from, to);
        }
        this.bytes -= this.#chunkBytes;
        if (merged.valid !== undefined) merged.valid = wholeOrPart(merged.valid, this.#chunkBytes);
      }
      const kept = older.#chunks[chunk] as DirtyChunk;
      this.#chunks[chunk] = kept;
      if (kept.bytes !== undefined) this.bytes += this.#chunkBytes;
    }
    this.oldest = Math.min(this.oldest, older.oldest);
  }

  #writable(chunk: number): DirtyChunk {
    let one = this.#chunks[chunk];
    if (one === undefined) {
      one = { bytes: undefined, valid: new IntervalSet<number>() };
      this.#chunks[chunk] = one;
    }
    if (one.bytes === undefined) {
      one.bytes = new Uint8Array(this.#chunkBytes);
      this.bytes += this.#chunkBytes;
    }
    return one;
  }

  #note(one: DirtyChunk, from: number, to: number, version: number): void {
    if (one.valid !== undefined) {
      one.valid.add(from, to);
      one.valid = wholeOrPart(one.valid, this.#chunkBytes);
    }
    this.oldest = Math.min(this.oldest, version);
  }
}

function wholeOrPart(valid: IntervalSet<number>, chunkBytes: number): IntervalSet<number> | undefined {
  const [first] = valid.intervals();
  return valid.count === 1 && first?.[0] === 0 && first[1] === chunkBytes ? undefined : valid;
}

/** A block with new bytes. */
export class DirtyBlock {
  readonly #chunkBytes: number;
  /** What has come since the last time that bytes began to be stored. */
  fresh: DirtyLayer;
  /** What is being stored. */
  frozen: DirtyLayer | undefined;
  /** Settles when what is being stored is there, or has failed. */
  storing: Promise<void> | undefined;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.fresh = new DirtyLayer(chunkBytes);
  }

  /** The version of the oldest write that is not stored. */
  get oldest(): number {
    return Math.min(this.fresh.oldest, this.frozen?.oldest ?? Number.POSITIVE_INFINITY);
  }

  get bytes(): number {
    return this.fresh.bytes + (this.frozen?.bytes ?? 0);
  }

  /** What is new so far will be stored; what comes from now on is kept apart. */
  freeze(): DirtyLayer {
    const frozen = this.fresh;
    this.frozen = frozen;
    this.fresh = new DirtyLayer(this.#chunkBytes);
    return frozen;
  }

  /** Storing has failed: it is all new again. */
  thaw(): void {
    if (this.frozen !== undefined) this.fresh.adopt(this.frozen);
    this.frozen = undefined;
  }
}
