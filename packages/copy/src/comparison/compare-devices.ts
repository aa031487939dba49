/** Compares the content of two devices. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { checkDevice, errorAt, extentsFrom, isMapFailure, QueueDepth, settleAll } from '@nbdjs/kit';
import { alignment } from '../copy-device.ts';
import { MemoryPool, type Piece, readPiece } from '../memory-pool.ts';
import { type CompareOptions, type CopySettings, comparisonOptions, resolveOptions } from '../options.ts';
import { CopyWorkers } from '../pacing/copy-workers.ts';
import { Plan } from '../plan/plan.ts';
import type { Segment } from '../plan/segment.ts';
import type { CompareReport } from '../report.ts';
import { DifferenceOrder, type DifferingRange, firstDifference, visitDifferences } from './differences.ts';
import { PaddedDevice } from './padded-device.ts';

/**
 * Compares all bytes of the source with the start of the target. What both report as zeroes is not read.
 *
 * It ends at the first difference, unless `onDifference` asks for all of them. A source that is longer than the target differs where the target
 * ends, and bytes of the target after the source's end do not matter; with `zeroTail`, the shorter one counts as continued with zeroes.
 *
 * @throws UsageError for options out of bounds, errors of either device, or the signal's reason.
 */
export async function compareDevices(
  source: BlockDevice,
  target: BlockDevice,
  options: CompareOptions = {},
): Promise<CompareReport> {
  checkDevice('compare', 'the source', source);
  checkDevice('compare', 'the target', target);
  const { zeroTail, onDifference, gapBytes, ...common } = comparisonOptions.resolve('compare', options);
  const sizes = [source.geometry.size, target.geometry.size] as const;
  const size = sizes[0] > sizes[1] ? sizes[0] : sizes[1];
  const [left, right] = [source, target].map((device) =>
    zeroTail && device.geometry.size < size ? new PaddedDevice(device, size) : device,
  ) as [BlockDevice, BlockDevice];
  return new Comparison(left, right, resolveOptions(common, [left, right]), { onDifference, gapBytes }).run();
}

/**
 * Compares the bytes from `start` to `end`, which both devices have; both are multiples of the devices' minimum block size, or the end
 * of one of them.
 *
 * @returns the position of the first byte that differs, or `undefined` if all are equal.
 */
export async function firstDifferenceWithin(
  source: BlockDevice,
  target: BlockDevice,
  range: { readonly start: bigint; readonly end: bigint },
  signal: AbortSignal | undefined,
): Promise<bigint | undefined> {
  const settings = resolveOptions({ signal }, [source, target]);
  return (await new Comparison(source, target, settings, { gapBytes: 1 }, range).run()).differsAt;
}

/** What is wanted to be known of the differences. */
interface Wanted {
  /** Called for all of them, if given; else the first one is sufficient. */
  readonly onDifference?: ((range: DifferingRange) => void | Promise<void>) | undefined;
  readonly gapBytes: number;
}

class Comparison {
  readonly #source: BlockDevice;
  readonly #target: BlockDevice;
  readonly #settings: CopySettings;
  readonly #size: bigint;
  readonly #plan: Plan;
  readonly #workers: CopyWorkers;
  readonly #memory: MemoryPool;
  readonly #targetAsks: boolean;
  readonly #gapBytes: number;
  /** Where all differences are wanted: those found so far. */
  readonly #order: DifferenceOrder | undefined;
  /** What only the source has. */
  #missing: DifferingRange | undefined;
  /** Settles when the listener has dealt with the differences so far. */
  #told: Promise<void> | undefined;
  #differsAt: bigint | undefined;
  #differingBytes = 0n;
  #comparedBytes = 0n;
  #doneBytes = 0n;

  constructor(
    source: BlockDevice,
    target: BlockDevice,
    settings: CopySettings,
    { onDifference, gapBytes }: Wanted,
    range?: { readonly start: bigint; readonly end: bigint },
  ) {
    const { requestSize, requests } = settings;
    this.#source = source;
    this.#target = target;
    const sizes = [source.geometry.size, target.geometry.size] as const;
    this.#size = range?.end ?? (sizes[0] < sizes[1] ? sizes[0] : sizes[1]);
    // Zeroes come in pieces of a bounded length, however the copy dealt with them.
    this.#settings = { ...settings, targetIsZero: false };
    const startAt = range?.start ?? 0n;
    this.#plan = new Plan(source, this.#size, alignment(source, target), this.#settings, { startAt });
    this.#workers = new CopyWorkers(
      this.#plan,
      new QueueDepth(requests, requestSize),
      (segment) => this.#compare(segment),
      settings,
    );
    this.#memory = new MemoryPool(requestSize);
    this.#targetAsks = settings.extents && target.abilities.contexts.includes(baseAllocation);
    this.#gapBytes = gapBytes;
    if (onDifference !== undefined) {
      this.#order = new DifferenceOrder(startAt, gapBytes, (found) => {
        this.#differsAt ??= found.offset;
        this.#differingBytes += found.length;
        const told = this.#told === undefined ? onDifference(found) : this.#told.then(() => onDifference(found));
        if (told === undefined) return;
        // After another failure, it is not waited for.
        told.catch(() => {});
        this.#told = told;
      });
    }
    if (range === undefined && sizes[0] > sizes[1]) this.#missing = { offset: sizes[1], length: sizes[0] - sizes[1] };
    if (this.#order === undefined) this.#differsAt = this.#missing?.offset;
  }

  async run(): Promise<CompareReport> {
    await this.#workers.run();
    if (this.#missing !== undefined) {
      this.#order?.add(this.#size, this.#size + this.#missing.length, [this.#missing]);
    }
    this.#order?.end();
    await this.#told;
    return {
      differsAt: this.#differsAt,
      differingBytes: this.#order === undefined ? undefined : this.#differingBytes,
      totalBytes: this.#size,
      comparedBytes: this.#comparedBytes,
    };
  }

  async #compare(segment: Segment): Promise<'measured' | 'unmeasured'> {
    const { offset, length, isZero } = segment;
    if (this.#isBehindDifference(offset)) return 'unmeasured';
    const found: DifferingRange[] = [];
    if (isZero) await this.#compareZeroes(segment, found);
    else await this.#compareData(offset, Number(length), found);
    // After a failure the order would have gaps.
    if (this.#workers.hasFailed) return 'unmeasured';
    this.#order?.add(offset, offset + length, found);
    // A slow listener slows the comparison down.
    if (this.#told !== undefined) await this.#told;
    this.#doneBytes += length;
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#size });
    return isZero ? 'unmeasured' : 'measured';
  }

  async #compareData(offset: bigint, length: number, found: DifferingRange[]): Promise<void> {
    const pieces = [this.#memory.piece(offset, length), this.#memory.piece(offset, length)] as const;
    try {
      const read = async (device: BlockDevice, piece: Piece, side: string): Promise<void> =>
        readPiece(device, offset, piece, side);
      // Both are waited for, even if one fails: their memory is in use.
      await settleAll([read(this.#source, pieces[0], 'source'), read(this.#target, pieces[1], 'target')]);
      this.#comparedBytes += BigInt(length);
      this.#examine(offset, pieces[0].bytes(), pieces[1].bytes(), found);
    } finally {
      for (const piece of pieces) piece.release();
    }
  }

  /** The source reads as zeroes here. The target is read where it does not report zeroes. */
  async #compareZeroes({ offset, length }: Segment, found: DifferingRange[]): Promise<void> {
    const end = offset + length;
    for (let position = offset; position < end; ) {
      const { next, isZero } = await this.#targetExtent(position, end);
      while (!isZero && position < next) {
        if (this.#workers.hasFailed || this.#isBehindDifference(position)) return;
        this.#settings.signal?.throwIfAborted();
        const left = next - position;
        const byteCount = left < this.#settings.requestSize ? Number(left) : this.#settings.requestSize;
        await this.#compareToZeroes(position, byteCount, found);
        position += BigInt(byteCount);
      }
      position = next;
    }
  }

  /** What the target reports from `position` on, at most to `end`. */
  async #targetExtent(position: bigint, end: bigint): Promise<{ readonly next: bigint; readonly isZero: boolean }> {
    if (!this.#targetAsks) return { next: end, isZero: false };
    const { signal } = this.#settings;
    const withoutMap = (error: unknown): readonly Extent[] => {
      const length = end - position;
      if (!isMapFailure(error)) throw errorAt(error, `asking the target about ${position}`);
      this.#settings.onMapFailure?.({ side: 'target', offset: position, length, error });
      return [];
    };
    const [extent] = await extentsFrom(this.#target, baseAllocation, position, end - position, signal).catch(
      withoutMap,
    );
    if (extent === undefined) return { next: end, isZero: false };
    const isZero = (Number(extent.status & 0xffffn) & AllocationStatus.Zero) !== 0;
    const next = position + extent.length;
    return { next: next < end ? next : end, isZero };
  }

  async #compareToZeroes(offset: bigint, length: number, found: DifferingRange[]): Promise<void> {
    const piece = this.#memory.piece(offset, length);
    try {
      await readPiece(this.#target, offset, piece, 'target');
      this.#comparedBytes += BigInt(length);
      this.#examine(offset, piece.bytes(), undefined, found);
    } finally {
      piece.release();
    }
  }

  /** Looks for differences in bytes that begin at `offset`; `right` is `undefined` for zeroes. */
  #examine(offset: bigint, left: Uint8Array, right: Uint8Array | undefined, found: DifferingRange[]): void {
    if (this.#order === undefined) {
      this.#require(offset, firstDifference(left, right));
      return;
    }
    visitDifferences(left, right, this.#gapBytes, (start, end) =>
      found.push({ offset: offset + BigInt(start), length: BigInt(end - start) }),
    );
  }

  /**
   * Segments are handed out in order, and each is compared up to the least difference found so far; so the least one in the end is
   * the first.
   */
  #require(offset: bigint, index: number): void {
    if (index === -1) return;
    const position = offset + BigInt(index);
    if (!this.#isBehindDifference(position)) this.#differsAt = position;
    this.#plan.end();
  }

  /** Where only the first difference is wanted, nothing behind one matters. */
  #isBehindDifference(position: bigint): boolean {
    return this.#order === undefined && this.#differsAt !== undefined && position >= this.#differsAt;
  }
}
