/** Segments that are known and not handed out yet, in order and without gaps. They are not yet cut to requests. */
import type { Segment } from './segment.ts';

/** Segments that were taken are removed when they are this many. */
const takenMax = 4096;

export class SegmentQueue {
  readonly #segments: Segment[] = [];
  #front = 0;
  /** How much of the first segment has been taken. */
  #frontTaken = 0n;
  #end: bigint;

  constructor(start: bigint) {
    this.#end = start;
  }

  get count(): number {
    return this.#segments.length - this.#front;
  }

  /** Up to here the segments reach. */
  get end(): bigint {
    return this.#end;
  }

  /** The segment at an index from the front; the first one as if nothing of it had been taken. */
  at(index: number): Segment | undefined {
    return this.#segments[this.#front + index];
  }

  /** Where the untaken rest of the first segment begins. There has to be one. */
  get position(): bigint {
    return (this.at(0) as Segment).offset + this.#frontTaken;
  }

  /** Adds a segment up to `end`, and returns its length; 0 if the segments reach that far already. */
  add(end: bigint, isZero: boolean): bigint {
    if (end <= this.#end) return 0n;
    const length = end - this.#end;
    this.#segments.push({ offset: this.#end, length, isZero });
    this.#end = end;
    return length;
  }

  /** Takes the rest of the first segment, but not past `end`. Returns up to where it was taken. */
  take(end: bigint): bigint {
    const { offset, length } = this.at(0) as Segment;
    const segmentEnd = offset + length;
    if (segmentEnd > end) {
      this.#frontTaken = end - offset;
      return end;
    }
    this.#front++;
    this.#frontTaken = 0n;
    if (this.#front >= takenMax) {
      this.#segments.splice(0, this.#front);
      this.#front = 0;
    }
    return segmentEnd;
  }
}
