/** A part of a device, as a device. */
import {
  type Abortable,
  type BlockDevice,
  type BlockStatusOptions,
  type DeferredReads,
  type DeviceMemory,
  type LostRange,
  type MemoryPiece,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  WritesLostError,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { isLoss, LossLog, writesLostError } from '../losses/loss-log.ts';
import { defineOptions, type OptionsOf } from '../options/define-options.ts';
import { option } from '../options/option.ts';
import { optionChecks } from '../options/option-checks.ts';
import { requireInside } from './bounds.ts';
import { Layer } from './layer.ts';

export const sliceOptions = defineOptions({
  /** Where the slice begins, in bytes: a multiple of the device's minimum block size. */
  offset: option.checked<Offset>(optionChecks.bytes, {
    required: true,
    doc: "Where the slice begins: a multiple of the device's minimum block size.",
  }),
  /** How long the slice is, in bytes. @default up to the end of the device */
  length: option.checked<Offset>(optionChecks.bytes, {
    defaultText: 'up to the end of the device',
    doc: 'How long the slice is.',
  }),
});

/** Which part of the device the slice is, in bytes. */
export interface SliceOptions extends OptionsOf<typeof sliceOptions> {}

/**
 * Makes a device of a part of a device.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing; `ERR_NBD_OUT_OF_BOUNDS` when the slice reaches
 *   past the device's end; `ERR_NBD_UNALIGNED` when it begins inside of a block.
 */
export function createSliceLayer(device: BlockDevice, options: SliceOptions): BlockDevice {
  const { offset, length } = sliceOptions.resolve('createSliceLayer', options);
  const { size, minimumBlockSize } = device.geometry;
  if (BigInt(offset) > size) {
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `a slice from ${offset} on of a device of ${size} bytes`);
  }
  const [start, end] = requireInside(size, offset, length ?? size - BigInt(offset));
  if (start % BigInt(minimumBlockSize) !== 0n) {
    const message = `a slice from ${offset} on of a device with blocks of ${minimumBlockSize} bytes`;
    throw new UsageError('ERR_NBD_UNALIGNED', message);
  }
  return new SliceLayer(device, start, end - start);
}

class SliceLayer extends Layer implements DeviceMemory, DeferredReads {
  readonly #start: bigint;
  /** What the device below has lost of this part, with offsets counted from the start of the part. */
  readonly #losses: LossLog | undefined;

  constructor(inner: BlockDevice, start: bigint, size: bigint) {
    super(inner, { passes: [], geometry: (below) => ({ ...below, size }) });
    this.#start = start;
    this.#losses = inner.losses === undefined ? undefined : new LossLog();
  }

  override get memory(): DeviceMemory | undefined {
    return this.inner.memory === undefined ? undefined : this;
  }

  override get deferredReads(): DeferredReads | undefined {
    return this.inner.deferredReads === undefined ? undefined : this;
  }

  view(offset: Offset, length: number): MemoryPiece | undefined {
    return this.inner.memory?.view(this.#at(offset, length), length);
  }

  writableView(offset: Offset, length: number): Uint8Array | undefined {
    return this.inner.memory?.writableView?.(this.#at(offset, length), length);
  }

  readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): void | Promise<void> {
    return this.inner.deferredReads?.readInto(this.#at(offset, length), length, provide, options);
  }

  override get losses(): LossLog | undefined {
    return this.#losses;
  }

  override flush(options?: Abortable): void | Promise<void> {
    try {
      const work = super.flush(options);
      return work?.catch((error: unknown) => this.#lost(error));
    } catch (error) {
      return this.#lost(error);
    }
  }

  /** What is lost elsewhere is no loss of this part. */
  #lost(error: unknown): void {
    let own = error;
    if (error instanceof WritesLostError) {
      const ranges = error.ranges.flatMap((range) => this.#within(range));
      if (ranges.length === 0) return;
      own = writesLostError(ranges, error.cause);
    }
    if (this.#losses !== undefined && isLoss(own)) {
      this.#losses.add(own);
      this.#losses.told();
    }
    throw own;
  }

  #within({ offset, length }: LostRange): readonly LostRange[] {
    const from = offset > this.#start ? offset - this.#start : 0n;
    const end = offset + length - this.#start;
    const to = end < this.geometry.size ? end : this.geometry.size;
    return from < to ? [{ offset: from, length: to - from }] : [];
  }

  override read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    return this.inner.read(this.#at(offset, target.length), target, options);
  }

  override write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    return this.inner.write(this.#at(offset, source.length), source, options);
  }

  override trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    return this.inner.trim(this.#at(offset, length), length, options);
  }

  override writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): void | Promise<void> {
    return this.inner.writeZeroes(this.#at(offset, length), length, options);
  }

  override cache(offset: Offset, length: Offset, options?: Abortable): void | Promise<void> {
    return this.inner.cache(this.#at(offset, length), length, options);
  }

  override blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    const answer = this.inner.blockStatus(this.#at(offset, length), length, options);
    return answer instanceof Promise ? answer.then((all) => this.#shift(all)) : this.#shift(answer);
  }

  #at(offset: Offset, length: Offset): Offset {
    const [start] = requireInside(this.geometry.size, offset, length);
    const place = this.#start + start;
    return place <= Number.MAX_SAFE_INTEGER ? Number(place) : place;
  }

  #shift(all: readonly MetaContextExtents[]): readonly MetaContextExtents[] {
    return all.map(({ context, extents }) => ({
      context,
      extents: extents.map((extent) => ({ ...extent, offset: extent.offset - this.#start })),
    }));
  }
}
