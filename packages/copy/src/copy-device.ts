/** Copying one device to another. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { type CheckpointOptions, Checkpoints } from './checkpoints.ts';
import { Depth } from './depth.ts';
import { Lanes } from './lanes.ts';
import { MemoryPool, readPiece } from './memory-pool.ts';
import { type CopyOptions, type CopyReport, type CopySettings, settle } from './options.ts';
import { Plan, type Stretch } from './plan.ts';
import { TargetWriter } from './target-writer.ts';

/** One device, or several handles to the same one that requests are spread over. */
export type DeviceHandles = BlockDevice | readonly [BlockDevice, ...BlockDevice[]];

/**
 * Copies all bytes of the source to the start of the target.
 *
 * What the source reports as zeroes, and what is found to be zeroes, is not moved but zeroed (or skipped). Many requests are
 * in flight at a time; each has a buffer that is used again and again. The first error stops the copy: what is under way
 * is waited for, since its memory is in use, and then the error is thrown, with the side and the place in its message.
 *
 * @throws UsageError when the target is too small or read-only, errors of either device, or the signal's reason.
 */
export async function copyDevice(
  source: DeviceHandles,
  target: DeviceHandles,
  options: CopyOptions = {},
): Promise<CopyReport> {
  const sources = handles(source);
  const targets = handles(target);
  const [firstSource] = sources;
  const [firstTarget] = targets;
  requireFit(firstSource, firstTarget);
  const settings = settle(options, [firstSource, firstTarget]);
  const align = alignment(firstSource, firstTarget);
  requireStart(options.checkpoint?.startAt ?? 0n, firstSource.geometry.size, align);
  const copy = new DeviceCopy(sources, targets, settings, options.checkpoint);
  await copy.run();
  if (settings.flush) {
    for (const one of targets) if (one.abilities.flush) await one.flush({ signal: settings.signal });
  }
  return copy.report();
}

/** @throws UsageError */
function requireFit(source: BlockDevice, target: BlockDevice): void {
  if (target.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the target is read-only');
  const [from, to] = [source.geometry.size, target.geometry.size];
  if (from > to) {
    throw new UsageError(
      'ERR_NBD_OUT_OF_BOUNDS',
      `the target has ${to} bytes, which is less than the source's ${from}`,
    );
  }
}

/** @throws UsageError */
function requireStart(startAt: bigint, size: bigint, align: bigint): void {
  if (startAt === size || (startAt >= 0n && startAt < size && startAt % align === 0n)) return;
  throw new UsageError(
    'ERR_NBD_ARGUMENT',
    `startAt is ${startAt}, expected ${size}, or less and a multiple of ${align}`,
  );
}

/** Where both sides can be cut. */
export function alignment(...devices: readonly BlockDevice[]): bigint {
  return BigInt(Math.max(...devices.map(({ geometry }) => geometry.minimumBlockSize)));
}

export function handles(device: DeviceHandles): readonly [BlockDevice, ...BlockDevice[]] {
  return Array.isArray(device) ? (device as readonly [BlockDevice, ...BlockDevice[]]) : [device as BlockDevice];
}

class DeviceCopy {
  readonly #sources: readonly BlockDevice[];
  readonly #writers: readonly TargetWriter[];
  readonly #settings: CopySettings;
  readonly #plan: Plan;
  readonly #lanes: Lanes;
  readonly #memory: MemoryPool;
  readonly #size: bigint;
  readonly #checkpoints: Checkpoints | undefined;
  #doneBytes = 0n;
  #readBytes = 0n;

  constructor(
    sources: readonly [BlockDevice, ...BlockDevice[]],
    targets: readonly [BlockDevice, ...BlockDevice[]],
    settings: CopySettings,
    checkpoint: CheckpointOptions | undefined,
  ) {
    const { requestSize, lanes, signal } = settings;
    const startAt = checkpoint?.startAt ?? 0n;
    const [source] = sources;
    const [target] = targets;
    this.#sources = sources;
    this.#settings = settings;
    this.#memory = new MemoryPool(requestSize);
    this.#size = source.geometry.size;
    const zeroes = { bytes: undefined };
    this.#writers = targets.map((one) => new TargetWriter(one, settings, zeroes));
    this.#plan = new Plan(source, this.#size, alignment(source, target), settings, startAt);
    const depth = new Depth(lanes * Math.max(sources.length, targets.length), requestSize);
    this.#lanes = new Lanes(this.#plan, depth, (stretch, lane) => this.#copy(stretch, lane), signal);
    this.#doneBytes = startAt;
    this.#checkpoints = checkpoint && new Checkpoints(target, checkpoint, signal);
  }

  async run(): Promise<void> {
    try {
      await this.#lanes.run();
    } finally {
      await this.#checkpoints?.settled();
    }
    this.#lanes.throwIfFailed();
  }

  report(): CopyReport {
    const tallies = this.#writers.map(({ tally }) => tally);
    return {
      totalBytes: this.#size,
      readBytes: this.#readBytes,
      writtenBytes: tallies.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0n),
      zeroedBytes: tallies.reduce((sum, { zeroedBytes }) => sum + zeroedBytes, 0n),
      skippedBytes: tallies.reduce((sum, { skippedBytes }) => sum + skippedBytes, 0n),
    };
  }

  async #copy(stretch: Stretch, lane: number): Promise<'measured' | 'unmeasured'> {
    const source = this.#sources[lane % this.#sources.length] as BlockDevice;
    const writer = this.#writers[lane % this.#writers.length] as TargetWriter;
    if (stretch.isZero) await writer.zero(stretch.offset, stretch.length);
    else await this.#move(source, writer, stretch);
    this.#done(stretch);
    return stretch.isZero ? 'unmeasured' : 'measured';
  }

  async #move(source: BlockDevice, writer: TargetWriter, { offset, length }: Stretch): Promise<void> {
    const piece = this.#memory.piece(offset, Number(length));
    try {
      const reading = readPiece(source, offset, piece, 'source');
      if (reading !== undefined) await reading;
      this.#readBytes += length;
      // Nothing is written any more once the copy has failed.
      if (this.#lanes.hasFailed) return;
      const storing = writer.store(offset, piece.bytes());
      if (storing !== undefined) await storing;
    } finally {
      piece.release();
    }
  }

  #done(stretch: Stretch): void {
    if (this.#lanes.hasFailed) return;
    this.#plan.done(stretch);
    this.#doneBytes += stretch.length;
    this.#checkpoints?.offer(
      () => this.#plan.doneUpTo,
      (error) => this.#lanes.fail(error),
    );
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#size });
  }
}
