/**
 * Access to ranges that do not fit a device's blocks (checklist C43), by reading, changing and writing whole blocks.
 *
 * When the device's size is not a multiple of its blocks, the last block is a short one: a range that ends there counts as
 * whole blocks.
 */
import { settleAll } from '../async/settle-all.ts';
import { untilAborted } from '../async/until-aborted.ts';
import { RangeLock } from './range-lock.ts';

/** Access to whole blocks: ranges always fit the blocks. */
export interface BlockAccess {
  /** Fills `target`, which is lent until the call settles, with the bytes from `start` on. */
  read(start: bigint, target: Uint8Array): void | Promise<void>;
  /** Stores `source`, which is lent until the call settles, from `start` on. */
  write(start: bigint, source: Uint8Array): void | Promise<void>;
}

/** A change of a range. */
export interface Change {
  /** First byte, from the start of the device. */
  readonly start: bigint;
  /** First byte after the range. */
  readonly end: bigint;
  /** Fills in bytes of a partial block, from an offset on. */
  edge(bytes: Uint8Array, offset: bigint): void;
  /** Changes the whole blocks in between. */
  body(start: bigint, end: bigint): void | Promise<void>;
}

/** A range of bytes: where it starts, and where it ends (exclusive). */
export type Range = readonly [start: bigint, end: bigint];

/** The device whose blocks are kept whole. */
export interface AlignedAccessOptions {
  /** In bytes, a power of two. */
  readonly blockBytes: number;
  /** The device's size in bytes. It is asked for at each call; a getter follows a device that is resized. */
  readonly size: bigint;
  /**
   * Settles when no earlier write that touches the range is in flight. Needed where writes of whole blocks bypass this object while
   * `isFree`. @default all writes come by `whole`
   */
  readonly quiet?: ((start: bigint, end: bigint) => Promise<void>) | undefined;
  /** Runs work that a close of the device has to wait for. @default runs it */
  readonly during?: ((work: () => Promise<void>) => Promise<void>) | undefined;
}

/** Reads and changes any range of one device by whole blocks. */
export class AlignedAccess {
  readonly #blockBytes: bigint;
  readonly #options: AlignedAccessOptions;
  readonly #quiet: AlignedAccessOptions['quiet'];
  readonly #during: AlignedAccessOptions['during'];
  readonly #lock = new RangeLock();

  constructor(options: AlignedAccessOptions) {
    const { blockBytes, quiet, during } = options;
    this.#options = options;
    this.#blockBytes = BigInt(blockBytes);
    this.#quiet = quiet;
    this.#during = during;
  }

  /** Writes of whole blocks may bypass `whole` now. */
  get isFree(): boolean {
    return this.#lock.isFree;
  }

  /** Whether a range consists of whole blocks. */
  fits(start: bigint, end: bigint): boolean {
    return this.#down(start) === start && this.#down(end) === end;
  }

  /** The whole blocks inside a range; `undefined` when there are none. */
  inside(start: bigint, end: bigint): Range | undefined {
    const [from, to] = [this.#up(start), this.#down(end)];
    return from < to ? [from, to] : undefined;
  }

  /** The whole blocks that a range touches. */
  around(start: bigint, end: bigint): Range {
    return [this.#down(start), this.#up(end)];
  }

  /** Reads any range; partial blocks by way of memory of its own. */
  async read(access: BlockAccess, start: bigint, target: Uint8Array): Promise<void> {
    const end = start + BigInt(target.length);
    const place = (from: bigint, to: bigint): Uint8Array => target.subarray(Number(from - start), Number(to - start));
    const body = this.inside(start, end);
    await settleAll([
      ...this.#edges(start, end).map(async ([from, to]) => {
        const block = this.#memoryOf(from);
        await access.read(this.#down(from), block);
        place(from, to).set(this.#within(block, from, to));
      }),
      body && access.read(body[0], place(...body)),
    ]);
  }

  /**
   * Writes whole blocks. A change of the same blocks waits for it, and it waits for the change. Work of a single request may
   * skip this while `isFree`; work in several parts may not, because some parts begin later.
   */
  async whole(start: bigint, end: bigint, work: () => void | Promise<void>, signal?: AbortSignal): Promise<void> {
    const release = await this.#lock.acquire(start, end, false, signal);
    try {
      await work();
    } finally {
      release();
    }
  }

  /**
   * Changes any range: partial blocks are read, changed and written, and no other write touches them in between.
   *
   * A change that is abandoned still finishes its partial blocks, because they hold bytes of other writes. The memory of the change itself is
   * not read any more.
   */
  async change(access: BlockAccess, change: Change, signal?: AbortSignal): Promise<void> {
    const { start, end } = change;
    const around = this.around(start, end);
    const release = await this.#lock.acquire(...around, true, signal);
    const edges = this.#edges(start, end);
    const body = this.inside(start, end);
    let partial: readonly Promise<void>[] = [];
    let whole: Promise<void> | undefined;
    const begin = async (): Promise<void> => {
      await this.#quiet?.(...around);
      if (signal?.aborted) return;
      partial = edges.map(([from, to]) => this.#changeEdge(access, from, to, change, signal));
      whole = body && (async () => change.body(...body))();
      await settleAll([...partial, whole]);
    };
    const work = (this.#during === undefined ? begin() : this.#during(begin)).finally(release);
    try {
      await untilAborted(work, signal);
    } catch (error) {
      // Whole blocks are sent from the caller's memory, which is in use until this has settled.
      await whole?.catch(() => {});
      throw error;
    }
    signal?.throwIfAborted();
  }

  async #changeEdge(
    access: BlockAccess,
    from: bigint,
    to: bigint,
    change: Change,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const block = this.#memoryOf(from);
    await access.read(this.#down(from), block);
    if (signal?.aborted) return;
    change.edge(this.#within(block, from, to), from);
    await access.write(this.#down(from), block);
  }

  /** The parts of a range that are not whole blocks: none, one or two. */
  #edges(start: bigint, end: bigint): readonly Range[] {
    const [firstEnd, lastStart] = [this.#up(start), this.#down(end)];
    // All within one block.
    if (firstEnd > lastStart) return [[start, end]];
    const edges: Range[] = [];
    if (start < firstEnd) edges.push([start, firstEnd]);
    if (lastStart < end) edges.push([lastStart, end]);
    return edges;
  }

  /** The bytes of a block that belong to a range within it. */
  #within(block: Uint8Array, from: bigint, to: bigint): Uint8Array {
    const blockStart = this.#down(from);
    return block.subarray(Number(from - blockStart), Number(to - blockStart));
  }

  /** Memory for the block that a position lies in. */
  #memoryOf(position: bigint): Uint8Array {
    return new Uint8Array(Number(this.#up(position + 1n) - this.#down(position)));
  }

  #down(position: bigint): bigint {
    return position === this.#options.size ? position : position - (position % this.#blockBytes);
  }

  #up(position: bigint): bigint {
    const over = position % this.#blockBytes;
    if (over === 0n) return position;
    const up = position + this.#blockBytes - over;
    const { size } = this.#options;
    // Ranges beyond the end come only where bounds are not checked.
    return position <= size && up > size ? size : up;
  }
}
