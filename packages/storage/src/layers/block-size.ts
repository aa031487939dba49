/**
 * Other block sizes than a device has: requests that are too long are split, and those that do not fit its blocks are made to
 * fit, by reading what stands around them.
 */
import {
  type BlockDevice,
  type BlockStatusOptions,
  type Geometry,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { requireInside } from '../bounds.ts';
import { Layer } from './layer.ts';

export interface BlockSizeOptions {
  /** A power of two. @default 1 */
  readonly minimumBlockSize?: number | undefined;
  /** @default the device's */
  readonly preferredBlockSize?: number | undefined;
  /** @default 32 MiB */
  readonly maximumBlockSize?: number | undefined;
}

const maximumDefault = 32 * 2 ** 20;

/** @throws UsageError when the sizes are none, or the device's size is no multiple of its own blocks. */
export function createBlockSizeLayer(device: BlockDevice, options: BlockSizeOptions = {}): BlockDevice {
  const { geometry } = device;
  const { minimumBlockSize: minimum = 1, maximumBlockSize: maximum = maximumDefault } = options;
  const preferred = Math.max(minimum, options.preferredBlockSize ?? geometry.preferredBlockSize);
  for (const size of [minimum, preferred]) {
    if (!Number.isInteger(Math.log2(size))) {
      throw new UsageError('ERR_NBD_ARGUMENT', `a block size of ${size} is no power of two`);
    }
  }
  if (!(maximum >= minimum)) throw new UsageError('ERR_NBD_ARGUMENT', `a maximum of ${maximum} is below ${minimum}`);
  if (geometry.size % BigInt(geometry.minimumBlockSize) !== 0n) {
    const message = `a device of ${geometry.size} bytes does not consist of blocks of ${geometry.minimumBlockSize}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  return new BlockSizeLayer(device, {
    size: geometry.size,
    minimumBlockSize: minimum,
    preferredBlockSize: preferred,
    maximumBlockSize: maximum,
  });
}

class BlockSizeLayer extends Layer {
  readonly #block: bigint;
  /** The longest request of the device that is whole blocks. */
  readonly #longest: bigint;
  /** Writes that touch a part of a block come one after the other, and after the whole ones before them. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #wholeWrites = new Set<Promise<unknown>>();

  constructor(inner: BlockDevice, geometry: Geometry) {
    super(inner, geometry);
    this.#block = BigInt(inner.geometry.minimumBlockSize);
    const most = BigInt(inner.geometry.maximumBlockSize);
    this.#longest = most - (most % this.#block);
  }

  /** Whatever fits the layer's own blocks is all that it was asked for. */
  override get takesAnyRange(): boolean {
    return false;
  }

  override async read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, target.length);
    for (const [from, to] of this.#pieces(start, end)) {
      const position = Number(from - start);
      const part = target.subarray(position, Number(to - start));
      const [low, high] = [this.#down(from), this.#up(to)];
      if (low === from && high === to) {
        await this.inner.read(from, part, { signal: options?.signal });
      } else {
        const blocks = new Uint8Array(Number(high - low));
        await this.inner.read(low, blocks, { signal: options?.signal });
        part.set(blocks.subarray(Number(from - low), Number(to - low)));
      }
      options?.onChunk?.({ type: 'data', position, length: part.length });
    }
  }

  override write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, source.length);
    return this.#inTurn(start, end, async () => {
      for (const [from, to] of this.#pieces(start, end)) {
        const part = source.subarray(Number(from - start), Number(to - start));
        await this.#store(from, to, (blocks, position) => blocks.set(part, position), part, options);
      }
    });
  }

  /** Only whole blocks are given up (S60). */
  override async trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const [from, to] = [this.#up(start), this.#down(end)];
    if (from < to) await this.inner.trim(from, to - from, options);
  }

  override writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    return this.#inTurn(start, end, async () => {
      const [from, to] = [this.#up(start), this.#down(end)];
      if (from >= to) {
        await this.#zeroParts(start, end, options);
        return;
      }
      await this.#zeroParts(start, from, options);
      await this.inner.writeZeroes(from, to - from, options);
      await this.#zeroParts(to, end, options);
    });
  }

  override async cache(offset: Offset, length: Offset): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    if (start < end) await this.inner.cache(this.#down(start), this.#up(end) - this.#down(start));
  }

  override async blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): Promise<readonly MetaContextExtents[]> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const low = this.#down(start);
    const all = await this.inner.blockStatus(low, this.#up(end) - low, options);
    return all.map(({ context, extents }) => ({
      context,
      extents: extents.flatMap(({ offset: from, length: count, status }) => {
        const first = from > start ? from : start;
        const last = from + count < end ? from + count : end;
        return first < last ? [{ offset: first, length: last - first, status }] : [];
      }),
    }));
  }

  /** Zeroes in parts of blocks, of which there are at most two. */
  async #zeroParts(from: bigint, to: bigint, options: WriteOptions | undefined): Promise<void> {
    for (const [low, high] of this.#pieces(from, to)) {
      const length = Number(high - low);
      const fill = (blocks: Uint8Array, position: number): unknown => blocks.fill(0, position, position + length);
      await this.#store(low, high, fill, new Uint8Array(length), options);
    }
  }

  /** Writes whole blocks as they are, and parts of blocks together with what stands around them. */
  async #store(
    from: bigint,
    to: bigint,
    put: (blocks: Uint8Array, position: number) => unknown,
    whole: Uint8Array,
    options: WriteOptions | undefined,
  ): Promise<void> {
    const [low, high] = [this.#down(from), this.#up(to)];
    const passed = { fua: options?.fua, signal: options?.signal };
    if (low === from && high === to) {
      await this.inner.write(from, whole, passed);
      return;
    }
    const blocks = new Uint8Array(Number(high - low));
    await this.inner.read(low, blocks, { signal: options?.signal });
    put(blocks, Number(from - low));
    await this.inner.write(low, blocks, passed);
  }

  /** Keeps others from writing to a block between its being read and written. */
  async #inTurn(start: bigint, end: bigint, work: () => Promise<void>): Promise<void> {
    const isWhole = start % this.#block === 0n && end % this.#block === 0n;
    const before = isWhole ? [this.#last] : [this.#last, ...this.#wholeWrites];
    const mine = Promise.all(before).then(work);
    const settled = mine.catch(() => {});
    if (isWhole) {
      this.#wholeWrites.add(settled);
      void settled.then(() => this.#wholeWrites.delete(settled));
    } else {
      this.#last = settled;
    }
    await mine;
  }

  /** Pieces whose blocks fit into one request of the device. */
  *#pieces(start: bigint, end: bigint): Generator<readonly [bigint, bigint]> {
    for (let from = start; from < end; ) {
      const limit = this.#down(from) + this.#longest;
      const to = limit < end ? limit : end;
      yield [from, to];
      from = to;
    }
  }

  #down(place: bigint): bigint {
    return place - (place % this.#block);
  }

  #up(place: bigint): bigint {
    return this.#down(place + this.#block - 1n);
  }
}
