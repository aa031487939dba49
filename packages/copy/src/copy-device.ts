/** Copying one device to another. */
import { type BlockDevice, type LostRange, WritesLostError } from '@nbdjs/interfaces';
import { checkDevice, QueueDepth } from '@nbdjs/kit';
import { type CheckpointOptions, Checkpoints } from './checkpoint/checkpoints.ts';
import { requireFit, requireMarks, requireStart } from './copy-checks.ts';
import { MemoryPool, readPiece } from './memory-pool.ts';
import { type CopyOptions, type CopySettings, resolveOptions } from './options.ts';
import { CopyWorkers } from './pacing/copy-workers.ts';
import { Crossing } from './pacing/crossing.ts';
import { ChangedPlan, type MarkedRange, markedRanges, unaskedBytes } from './plan/changed-plan.ts';
import { Plan, type WorkPlan } from './plan/plan.ts';
import type { Segment } from './plan/segment.ts';
import type { CopyReport } from './report.ts';
import { TargetWriter } from './target-writer.ts';
import { ChunkPlan } from './threads/chunk-plan.ts';
import type { SharedWork } from './threads/shared-work.ts';

/** How many times in a row the target may lose what was written to it before that is an error. */
const recopiesMax = 16;

/** One device, or several handles to the same one that requests are spread over. */
export type DeviceHandles = BlockDevice | readonly [BlockDevice, ...BlockDevice[]];

/**
 * Copies all bytes of the source to the start of the target.
 *
 * What the source reports as zeroes, and what is found to be zeroes, is not moved but zeroed (or skipped). Many requests are
 * in flight at a time; each has a buffer that is used again and again. The first error stops the copy: requests in flight
 * are waited for, since their memory is in use, and then the error is thrown, with the side and the place in its message.
 *
 * When a flush reports that the target has lost writes that it had acknowledged (`WritesLostError`), those are copied again.
 *
 * @throws UsageError when the target is too small or read-only, errors of either device, or the signal's reason.
 */
export async function copyDevice(
  source: DeviceHandles,
  target: DeviceHandles,
  options: CopyOptions = {},
): Promise<CopyReport> {
  return await copyPart(source, target, options);
}

/** The same for one of several threads, which copies only the parts that it takes from the work that they share. */
export async function copyPart(
  source: DeviceHandles,
  target: DeviceHandles,
  options: CopyOptions,
  work?: SharedWork,
): Promise<CopyReport> {
  const sources = handles('source', source);
  const targets = handles('target', target);
  const [firstSource] = sources;
  const [firstTarget] = targets;
  requireFit(firstSource, firstTarget);
  const settings = resolveOptions(options, [firstSource, firstTarget]);
  const align = alignment(firstSource, firstTarget);
  requireMarks(firstSource, options);
  work?.requireSize(firstSource.geometry.size);
  requireStart(options.checkpoint?.startAt ?? 0n, firstSource.geometry.size, align);
  const copy = new DeviceCopy(sources, targets, settings, options.checkpoint, work);
  await copy.run();
  if (settings.flush && work?.isStopped !== true) await copy.flush();
  return copy.report();
}

/** The block size that both sides accept, in bytes: the larger of the two minimum block sizes. */
export function alignment(...devices: readonly BlockDevice[]): bigint {
  return BigInt(Math.max(...devices.map(({ geometry }) => geometry.minimumBlockSize)));
}

/**
 * Where a block begins that is too short, and that a server may refuse to read or to write: the last one of a device whose size
 * is no multiple of its blocks. The source's size, where there is none.
 */
function tailStart(source: BlockDevice, target: BlockDevice): bigint {
  const { size } = source.geometry;
  const isShort = [source, target].some(({ geometry }) => {
    const over = geometry.size % BigInt(geometry.minimumBlockSize);
    return over > 0n && size > geometry.size - over;
  });
  return isShort ? size - (size % alignment(source, target)) : size;
}

/** @throws UsageError for what is no device. */
export function handles(name: string, device: DeviceHandles): readonly [BlockDevice, ...BlockDevice[]] {
  const several = Array.isArray(device) ? (device as readonly [BlockDevice, ...BlockDevice[]]) : undefined;
  for (const one of several?.length ? several : [device]) checkDevice('copy', `the ${name}`, one);
  return several ?? [device as BlockDevice];
}

class DeviceCopy {
  readonly #sources: readonly [BlockDevice, ...BlockDevice[]];
  readonly #targets: readonly [BlockDevice, ...BlockDevice[]];
  readonly #writers: readonly TargetWriter[];
  readonly #settings: CopySettings;
  readonly #depth: QueueDepth;
  readonly #crossing: Crossing;
  readonly #memory: MemoryPool;
  readonly #size: bigint;
  /** What there is to do, in bytes. */
  #totalBytes: bigint;
  /** The bytes from here on are copied first. */
  readonly #tailStart: bigint;
  readonly #plan: WorkPlan;
  readonly #workers: CopyWorkers;
  readonly #checkpoints: Checkpoints | undefined;
  /** Of a copy in several threads: what they share. */
  readonly #work: SharedWork | undefined;
  #doneBytes = 0n;
  #readBytes = 0n;

  constructor(
    sources: readonly [BlockDevice, ...BlockDevice[]],
    targets: readonly [BlockDevice, ...BlockDevice[]],
    settings: CopySettings,
    checkpoint: CheckpointOptions | undefined,
    work: SharedWork | undefined,
  ) {
    const { requestSize, requests } = settings;
    const startAt = checkpoint?.startAt ?? 0n;
    this.#sources = sources;
    this.#targets = targets;
    this.#settings = settings;
    this.#memory = new MemoryPool(requestSize);
    this.#size = sources[0].geometry.size;
    const zeroes = { bytes: undefined };
    this.#writers = targets.map((one) => new TargetWriter(one, settings, zeroes));
    this.#depth = new QueueDepth(requests * Math.max(sources.length, targets.length), requestSize);
    this.#crossing = new Crossing(requestSize);
    this.#totalBytes = this.#size;
    this.#tailStart =
      startAt < this.#size && settings.changed === undefined ? tailStart(sources[0], targets[0]) : this.#size;
    this.#work = work;
    this.#plan = this.#wholePlan(startAt);
    this.#workers = this.#workersFor(this.#plan, (segment) => this.#done(segment));
    this.#doneBytes = startAt;
    this.#checkpoints = checkpoint && new Checkpoints(() => this.flush(), checkpoint);
  }

  async run(): Promise<void> {
    try {
      await this.#countMarked();
      await this.#copyTail();
      await this.#workers.run();
    } catch (error) {
      // A last checkpoint is worth a try; the error that ended the copy says more than a failure of that would.
      await this.#checkpoints?.last(this.#plan.doneUpTo).catch(() => {});
      throw error;
    }
    await this.#checkpoints?.settled();
    this.#workers.throwIfFailed();
  }

  /** Flushes the targets, and copies again what they have lost. */
  async flush(): Promise<void> {
    const { signal } = this.#settings;
    // A copy that was stopped may still make a checkpoint.
    const options = signal?.aborted === true ? {} : { signal };
    for (const target of this.#targets) {
      for (let recopies = 0; target.abilities.flush; recopies++) {
        try {
          await target.flush(options);
          break;
        } catch (error) {
          if (!(error instanceof WritesLostError) || recopies === recopiesMax) throw error;
          await this.#copyAgain(error.ranges);
        }
      }
    }
  }

  report(): CopyReport {
    const tallies = this.#writers.map(({ tally }) => tally);
    return {
      totalBytes: this.#totalBytes,
      readBytes: this.#readBytes,
      writtenBytes: tallies.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0n),
      zeroedBytes: tallies.reduce((sum, { zeroedBytes }) => sum + zeroedBytes, 0n),
      skippedBytes: tallies.reduce((sum, { skippedBytes }) => sum + skippedBytes, 0n),
    };
  }

  #wholePlan(startAt: bigint): WorkPlan {
    const [source] = this.#sources;
    const planOf = ({ start, end }: MarkedRange): Plan => this.#planOf(start, end);
    const { changed: context, signal } = this.#settings;
    if (this.#work !== undefined) return new ChunkPlan(this.#work, this.#tailStart, planOf);
    if (context === undefined) return this.#planOf(startAt, this.#tailStart);
    return new ChangedPlan({ source, context, align: alignment(source, this.#targets[0]), signal, planOf });
  }

  /** To know how much there is to do, the map of what has changed is read once before. */
  async #countMarked(): Promise<void> {
    const { changed: context, signal } = this.#settings;
    if (context === undefined) return;
    const [source] = this.#sources;
    this.#totalBytes = 0n;
    const ranges = markedRanges({ source, context, align: alignment(source, this.#targets[0]), signal });
    for await (const { start, end } of ranges) this.#totalBytes += end - start;
  }

  /** Copies the last bytes first, to find out before the rest whether they can be read and written. */
  async #copyTail(): Promise<void> {
    if (this.#tailStart === this.#size || this.#work?.takeTail() === false) return;
    await this.#workersFor(this.#planOf(this.#tailStart, this.#size)).run();
    this.#progressed(this.#size - this.#tailStart);
  }

  async #copyAgain(ranges: readonly LostRange[]): Promise<void> {
    const align = alignment(this.#sources[0], this.#targets[0]);
    for (const { offset, length } of ranges) {
      const from = offset - (offset % align);
      const end = offset + length;
      const to = end + ((align - (end % align)) % align);
      await this.#workersFor(this.#planOf(from, to < this.#size ? to : this.#size)).run();
    }
  }

  #planOf(start: bigint, end: bigint): Plan {
    const [source] = this.#sources;
    // To ask for the map of a range would take as long as to read it.
    const isShort = this.#settings.changed !== undefined && end - start <= unaskedBytes;
    const settings = isShort ? { ...this.#settings, extents: false } : this.#settings;
    return new Plan(source, end, alignment(source, this.#targets[0]), settings, {
      startAt: start,
      crossing: this.#crossing,
    });
  }

  #workersFor(plan: WorkPlan, done: (segment: Segment) => void = () => {}): CopyWorkers {
    const work = async (segment: Segment, worker: number): Promise<'measured' | 'unmeasured'> => {
      const source = this.#sources[worker % this.#sources.length] as BlockDevice;
      const writer = this.#writers[worker % this.#writers.length] as TargetWriter;
      if (segment.isZero) {
        await writer.zero(segment.offset, segment.length);
      } else {
        await this.#move(source, writer, segment, workers);
        this.#crossing.completed(Number(segment.length), this.#depth.limit, Date.now());
      }
      if (!workers.hasFailed) done(segment);
      return segment.isZero ? 'unmeasured' : 'measured';
    };
    const workers: CopyWorkers = new CopyWorkers(plan, this.#depth, work, this.#settings);
    return workers;
  }

  async #move(
    source: BlockDevice,
    writer: TargetWriter,
    { offset, length }: Segment,
    workers: CopyWorkers,
  ): Promise<void> {
    const piece = this.#memory.piece(offset, Number(length));
    try {
      const reading = readPiece(source, offset, piece, 'source');
      if (reading !== undefined) await reading;
      this.#readBytes += length;
      // Nothing is written once the copy has failed.
      if (workers.hasFailed) return;
      const storing = writer.store(offset, piece.bytes());
      if (storing !== undefined) await storing;
    } finally {
      piece.release();
    }
  }

  #done(segment: Segment): void {
    this.#plan.done(segment);
    this.#checkpoints?.offer(
      () => this.#plan.doneUpTo,
      (error) => this.#workers.fail(error),
    );
    this.#progressed(segment.length);
  }

  /** Counts what is done, together with what other threads have done. */
  #progressed(bytes: bigint): void {
    this.#doneBytes = this.#work === undefined ? this.#doneBytes + bytes : this.#work.add(bytes);
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#totalBytes });
  }
}
