/** Compares the content of two devices. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { checkDevice, errorAt, extentsFrom, isMapFailure, QueueDepth, settleAll } from '@nbdjs/kit';
import { alignment } from './copy-device.ts';
import { MemoryPool, type Piece, readPiece } from './memory-pool.ts';
import { type CompareOptions, type CopySettings, resolveOptions } from './options.ts';
import { CopyWorkers } from './pacing/copy-workers.ts';
import { Plan } from './plan/plan.ts';
import type { Segment } from './plan/segment.ts';
import type { CompareReport } from './report.ts';

/**
 * Compares all bytes of the source with the start of the target. What both report as zeroes is not read.
 *
 * Returns the position of the first byte that differs, or that the target does not have. Bytes of the target after the source's end do not
 * matter.
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
  return new Comparison(source, target, resolveOptions(options, [source, target])).run();
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
  { start, end }: { readonly start: bigint; readonly end: bigint },
  signal: AbortSignal | undefined,
): Promise<bigint | undefined> {
  const settings = resolveOptions({ signal }, [source, target]);
  return (await new Comparison(source, target, settings, { start, end }).run()).differsAt;
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
  #differsAt: bigint | undefined;
  #comparedBytes = 0n;
  #doneBytes = 0n;

  constructor(
    source: BlockDevice,
    target: BlockDevice,
    settings: CopySettings,
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
    if (range === undefined && sizes[0] > sizes[1]) this.#differsAt = sizes[1];
  }

  async run(): Promise<CompareReport> {
    await this.#workers.run();
    return { differsAt: this.#differsAt, totalBytes: this.#size, comparedBytes: this.#comparedBytes };
  }

  async #compare(segment: Segment): Promise<'measured' | 'unmeasured'> {
    const { offset, length, isZero } = segment;
    if (this.#isBehindDifference(offset)) return 'unmeasured';
    if (isZero) await this.#compareZeroes(segment);
    else await this.#compareData(offset, Number(length));
    this.#doneBytes += length;
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#size });
    return isZero ? 'unmeasured' : 'measured';
  }

  async #compareData(offset: bigint, length: number): Promise<void> {
    const pieces = [this.#memory.piece(offset, length), this.#memory.piece(offset, length)] as const;
    try {
      const read = async (device: BlockDevice, piece: Piece, side: string): Promise<void> =>
        readPiece(device, offset, piece, side);
      // Both are waited for, even if one fails: their memory is in use.
      await settleAll([read(this.#source, pieces[0], 'source'), read(this.#target, pieces[1], 'target')]);
      this.#comparedBytes += BigInt(length);
      this.#require(offset, firstDifferenceOf(pieces[0].bytes(), pieces[1].bytes()));
    } finally {
      for (const piece of pieces) piece.release();
    }
  }

  /** The source reads as zeroes here. The target is read where it does not report zeroes. */
  async #compareZeroes({ offset, length }: Segment): Promise<void> {
    const end = offset + length;
    for (let position = offset; position < end; ) {
      const { next, isZero } = await this.#targetExtent(position, end);
      while (!isZero && position < next) {
        if (this.#workers.hasFailed || this.#isBehindDifference(position)) return;
        this.#settings.signal?.throwIfAborted();
        const left = next - position;
        const byteCount = left < this.#settings.requestSize ? Number(left) : this.#settings.requestSize;
        await this.#compareToZeroes(position, byteCount);
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

  async #compareToZeroes(offset: bigint, length: number): Promise<void> {
    const piece = this.#memory.piece(offset, length);
    try {
      await readPiece(this.#target, offset, piece, 'target');
      this.#comparedBytes += BigInt(length);
      this.#require(offset, firstNonZero(piece.bytes()));
    } finally {
      piece.release();
    }
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

  #isBehindDifference(position: bigint): boolean {
    return this.#differsAt !== undefined && position >= this.#differsAt;
  }
}

/** Word by word, and byte by byte only where a word differs. Pieces of the same offset begin at the same place in a word. */
function firstDifferenceOf(left: Uint8Array, right: Uint8Array): number {
  const words = wordsOf(left);
  const others = wordsOf(right);
  let index = 0;
  if (words !== undefined && others !== undefined) {
    let word = 0;
    while (word < words.length && words[word] === others[word]) word++;
    index = word * 4;
  }
  for (; index < left.length; index++) if (left[index] !== right[index]) return index;
  return -1;
}

function firstNonZero(bytes: Uint8Array): number {
  const words = wordsOf(bytes);
  let index = 0;
  if (words !== undefined) {
    let word = 0;
    while (word < words.length && words[word] === 0) word++;
    index = word * 4;
  }
  for (; index < bytes.length; index++) if (bytes[index] !== 0) return index;
  return -1;
}

/** The same memory as whole 32-bit words, where it begins at one. */
function wordsOf(bytes: Uint8Array): Int32Array | undefined {
  if ((bytes.byteOffset & 3) !== 0) return undefined;
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}
