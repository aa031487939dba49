/** Copying one device to another. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { failureAt } from './failure.ts';
import { type CopyOptions, type CopyReport, type CopySettings, settle } from './options.ts';
import { Plan, type Stretch } from './plan.ts';
import { plain, TargetWriter } from './target-writer.ts';

/** One device, or several handles to the same one that requests are spread over. */
export type DeviceHandles = BlockDevice | readonly [BlockDevice, ...BlockDevice[]];

/** Memory of a request begins where its bytes would begin in a block of this size, so that words can be compared. */
const memoryAlign = 4096;

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
  readonly #size: bigint;
  #doneBytes = 0n;
  #readBytes = 0;
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
    this.#size = source.geometry.size;
    const zeroes = { bytes: undefined };
    this.#writers = targets.map((one) => new TargetWriter(one, settings, zeroes));
    const align = Math.max(source.geometry.minimumBlockSize, target.geometry.minimumBlockSize);
    this.#plan = new Plan(source, this.#size, align, settings);
  }

  async run(): Promise<void> {
    const { lanes, signal } = this.#settings;
    signal?.throwIfAborted();
    const handleCount = Math.max(this.#sources.length, this.#writers.length);
    await Promise.all(Array.from({ length: lanes * handleCount }, (_, lane) => this.#lane(lane)));
    if (this.#failure !== undefined) throw this.#failure.error;
    signal?.throwIfAborted();
  }

  report(): CopyReport {
    const tallies = this.#writers.map(({ tally }) => tally);
    return {
      totalBytes: this.#size,
      readBytes: BigInt(this.#readBytes),
      writtenBytes: BigInt(tallies.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)),
      zeroedBytes: tallies.reduce((sum, { zeroedBytes }) => sum + zeroedBytes, 0n),
      skippedBytes: tallies.reduce((sum, { skippedBytes }) => sum + skippedBytes, 0n),
    };
  }

  /** Takes one stretch after the other, with one buffer. */
  async #lane(lane: number): Promise<void> {
    const source = this.#sources[lane % this.#sources.length] as BlockDevice;
    const writer = this.#writers[lane % this.#writers.length] as TargetWriter;
    const { signal } = this.#settings;
    let memory: Uint8Array | undefined;
    try {
      while (this.#failure === undefined && signal?.aborted !== true) {
        const next = this.#plan.next();
        const stretch = next instanceof Promise ? await next : next;
        if (stretch === undefined || this.#failure !== undefined) return;
        if (stretch.isZero) {
          await writer.zero(stretch.offset, stretch.length);
        } else {
          memory ??= new Uint8Array(this.#settings.requestSize + memoryAlign);
          await this.#move(source, writer, stretch, memory);
        }
        this.#done(stretch.length);
      }
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  async #move(
    source: BlockDevice,
    writer: TargetWriter,
    { offset, length }: Stretch,
    memory: Uint8Array,
  ): Promise<void> {
    const start = Number(offset % BigInt(memoryAlign));
    const bytes = memory.subarray(start, start + Number(length));
    try {
      await source.read(plain(offset), bytes);
    } catch (error) {
      throw failureAt(error, `reading the source at ${offset}`);
    }
    this.#readBytes += bytes.length;
    // Nothing is written any more once the copy has failed.
    if (this.#failure === undefined) await writer.store(offset, bytes);
  }

  #done(byteCount: bigint): void {
    this.#doneBytes += byteCount;
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes, totalBytes: this.#size });
  }
}
