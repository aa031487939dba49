/** Copying one device to another. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { Depth } from './depth.ts';
import { failureAt } from './failure.ts';
import { MemoryPool, type Piece } from './memory-pool.ts';
import { type CopyOptions, type CopyReport, type CopySettings, settle } from './options.ts';
import { Plan, type Stretch } from './plan.ts';
import { plain, TargetWriter } from './target-writer.ts';

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
  const copy = new DeviceCopy(sources, targets, settings);
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

function handles(device: DeviceHandles): readonly [BlockDevice, ...BlockDevice[]] {
  return Array.isArray(device) ? (device as readonly [BlockDevice, ...BlockDevice[]]) : [device as BlockDevice];
}

class DeviceCopy {
  readonly #sources: readonly BlockDevice[];
  readonly #writers: readonly TargetWriter[];
  readonly #settings: CopySettings;
  readonly #plan: Plan;
  readonly #memory: MemoryPool;
  readonly #size: bigint;
  readonly #depth: Depth;
  /** The lanes that are at work, each with one request at a time. */
  readonly #lanes = new Set<number>();
  #lanesOver: (() => void) | undefined;
  #doneBytes = 0n;
  #readBytes = 0n;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    sources: readonly [BlockDevice, ...BlockDevice[]],
    targets: readonly [BlockDevice, ...BlockDevice[]],
    settings: CopySettings,
  ) {
    const [source] = sources;
    const [target] = targets;
    this.#sources = sources;
    this.#settings = settings;
    this.#memory = new MemoryPool(settings.requestSize);
    this.#depth = new Depth(settings.lanes * Math.max(sources.length, targets.length), settings.requestSize);
    this.#size = source.geometry.size;
    const zeroes = { bytes: undefined };
    this.#writers = targets.map((one) => new TargetWriter(one, settings, zeroes));
    const align = Math.max(source.geometry.minimumBlockSize, target.geometry.minimumBlockSize);
    this.#plan = new Plan(source, this.#size, align, settings);
  }

  async run(): Promise<void> {
    const { signal } = this.#settings;
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#lanesOver = resolve;
      this.#startLanes();
    });
    if (this.#failure !== undefined) throw this.#failure.error;
    signal?.throwIfAborted();
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

  /** As many as the depth allows. Those that are too many end by themselves. */
  #startLanes(): void {
    for (let lane = 0; lane < this.#depth.limit; lane++) {
      if (this.#lanes.has(lane)) continue;
      this.#lanes.add(lane);
      void this.#lane(lane).finally(() => {
        this.#lanes.delete(lane);
        if (this.#lanes.size === 0) this.#lanesOver?.();
      });
    }
  }

  /** Takes one stretch after the other; never rejects. */
  async #lane(lane: number): Promise<void> {
    const source = this.#sources[lane % this.#sources.length] as BlockDevice;
    const writer = this.#writers[lane % this.#writers.length] as TargetWriter;
    const { signal } = this.#settings;
    try {
      while (this.#failure === undefined && signal?.aborted !== true && lane < this.#depth.limit) {
        const next = this.#plan.next();
        const stretch = next instanceof Promise ? await next : next;
        if (stretch === undefined || this.#failure !== undefined) return;
        if (stretch.isZero) {
          await writer.zero(stretch.offset, stretch.length);
        } else {
          const startMs = Date.now();
          await this.#move(source, writer, stretch);
          this.#moved(startMs);
        }
        this.#done(stretch.length);
      }
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Whole milliseconds will do, and a clock that somebody sets can at worst spoil one measurement of the depth. */
  #moved(startMs: number): void {
    const { limit } = this.#depth;
    this.#depth.completed(startMs, Date.now());
    if (this.#depth.limit > limit) this.#startLanes();
  }

  async #move(source: BlockDevice, writer: TargetWriter, { offset, length }: Stretch): Promise<void> {
    const piece = this.#memory.piece(offset, Number(length));
    try {
      try {
        const reading = this.#read(source, plain(offset), piece);
        if (reading !== undefined) await reading;
      } catch (error) {
        throw failureAt(error, `reading the source at ${offset}`);
      }
      this.#readBytes += length;
      // Nothing is written any more once the copy has failed.
      if (this.#failure !== undefined) return;
      const storing = writer.store(offset, piece.bytes());
      if (storing !== undefined) await storing;
    } finally {
      piece.release();
    }
  }

  #read(source: BlockDevice, offset: number | bigint, piece: Piece): void | Promise<void> {
    if (source.readLate === undefined) return source.read(offset, piece.bytes());
    return source.readLate(offset, piece.length, () => piece.bytes());
  }

  #done(byteCount: bigint): void {
    this.#doneBytes += byteCount;
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#size });
  }
}
