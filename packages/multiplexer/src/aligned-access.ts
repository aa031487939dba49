/** Access to ranges that do not fit a device's blocks, by reading, changing and writing whole blocks. */
import { RangeLock } from './range-lock.ts';

/** Whole-block access; ranges given to these always fit the blocks (or end with the device). */
export interface BlockAccess {
  read(offset: bigint, target: Uint8Array): Promise<void>;
  write(offset: bigint, source: Uint8Array): Promise<void>;
}

/** A range in whole blocks, and the partial blocks around it. */
interface Parts {
  /** The part of the first block that belongs to the range, unless the range begins with a block. */
  readonly head: readonly [start: bigint, end: bigint] | undefined;
  /** Whole blocks. */
  readonly body: readonly [start: bigint, end: bigint] | undefined;
  /** The part of the last block, unless the range ends with a block, or head covers it all. */
  readonly tail: readonly [start: bigint, end: bigint] | undefined;
}

export class AlignedAccess {
  readonly #blockBytes: bigint;
  readonly #size: bigint;
  readonly #lock = new RangeLock();

  constructor(blockBytes: number, size: bigint) {
    this.#blockBytes = BigInt(blockBytes);
    this.#size = size;
  }

  /** Whether a range consists of whole blocks; the device's end counts as a block's. */
  fits(start: bigint, end: bigint): boolean {
    return start % this.#blockBytes === 0n && (end % this.#blockBytes === 0n || end === this.#size);
  }

  async read(access: BlockAccess, offset: bigint, target: Uint8Array): Promise<void> {
    const { head, body, tail } = this.#split(offset, offset + BigInt(target.length));
    const place = ([start, end]: readonly [bigint, bigint]): Uint8Array =>
      target.subarray(Number(start - offset), Number(end - offset));
    await Promise.all([
      head && this.#readPart(access, head, place(head)),
      body && access.read(body[0], place(body)),
      tail && this.#readPart(access, tail, place(tail)),
    ]);
  }

  /** Runs `work` on a range of whole blocks; what would change the same blocks by parts waits meanwhile. */
  async whole(start: bigint, end: bigint, work: () => Promise<void>): Promise<void> {
    const release = await this.#lock.acquire(start, end, false);
    try {
      await work();
    } finally {
      release();
    }
  }

  /**
   * Changes a range: `edge` gets the bytes of each partial block that belong to the range, to fill them in; `body` changes
   * the whole blocks in between.
   */
  async change(
    access: BlockAccess,
    start: bigint,
    end: bigint,
    edge: (bytes: Uint8Array, offset: bigint) => void,
    body: (start: bigint, end: bigint) => Promise<void>,
  ): Promise<void> {
    const parts = this.#split(start, end);
    const release = await this.#lock.acquire(this.#down(start), this.#up(end), true);
    try {
      await Promise.all([
        parts.head && this.#changePart(access, parts.head, edge),
        parts.body && body(parts.body[0], parts.body[1]),
        parts.tail && this.#changePart(access, parts.tail, edge),
      ]);
    } finally {
      release();
    }
  }

  /** The whole blocks inside a range, or nothing when there are none. */
  inside(start: bigint, end: bigint): readonly [start: bigint, end: bigint] | undefined {
    return this.#split(start, end).body;
  }

  /** The whole blocks that a range touches. */
  around(start: bigint, end: bigint): readonly [start: bigint, end: bigint] {
    return [this.#down(start), this.#up(end)];
  }

  async #readPart(access: BlockAccess, [start, end]: readonly [bigint, bigint], target: Uint8Array): Promise<void> {
    const blockStart = this.#down(start);
    const block = new Uint8Array(Number(this.#up(end) - blockStart));
    await access.read(blockStart, block);
    target.set(block.subarray(Number(start - blockStart), Number(end - blockStart)));
  }

  async #changePart(
    access: BlockAccess,
    [start, end]: readonly [bigint, bigint],
    edge: (bytes: Uint8Array, offset: bigint) => void,
  ): Promise<void> {
    const blockStart = this.#down(start);
    const block = new Uint8Array(Number(this.#up(end) - blockStart));
    await access.read(blockStart, block);
    edge(block.subarray(Number(start - blockStart), Number(end - blockStart)), start);
    await access.write(blockStart, block);
  }

  #split(start: bigint, end: bigint): Parts {
    const bodyStart = this.#up(start);
    const bodyEnd = end === this.#size ? end : this.#down(end);
    // All within one block, or two partial blocks side by side.
    if (bodyStart >= bodyEnd) {
      if (bodyStart >= end || bodyStart === start) return { head: [start, end], body: undefined, tail: undefined };
      return { head: [start, bodyStart], body: undefined, tail: [bodyStart, end] };
    }
    return {
      head: start < bodyStart ? [start, bodyStart] : undefined,
      body: [bodyStart, bodyEnd],
      tail: bodyEnd < end ? [bodyEnd, end] : undefined,
    };
  }

  #down(position: bigint): bigint {
    return position - (position % this.#blockBytes);
  }

  /** The next block's start, or the device's end when that comes first. */
  #up(position: bigint): bigint {
    const up = this.#down(position + this.#blockBytes - 1n);
    return up > this.#size ? this.#size : up;
  }
}
