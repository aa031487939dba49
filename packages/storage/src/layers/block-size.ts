/**
 * Gives a device other block sizes: requests that are too long are split, and those that do not fit its blocks are made to
 * fit, by reading the bytes around them.
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
import {
  AlignedAccess,
  type BlockAccess,
  type Change,
  clipExtents,
  defineOptions,
  Layer,
  type OptionsOf,
  option,
  optionChecks,
  requireInside,
} from '@nbdjs/kit';

// The sizes are compared with each other and with the device, so their bounds are not here.
export const blockSizeOptions = defineOptions({
  /** The smallest block, in bytes: a power of two. @default 1 */
  minimumBlockSize: option.checked<number>(optionChecks.number, {
    default: 1,
    doc: 'The smallest block, in bytes: a power of two.',
  }),
  /** The block that is handled best, in bytes: a power of two; raised to the smallest block. @default the device's */
  preferredBlockSize: option.checked<number>(optionChecks.number, {
    defaultText: "the device's",
    doc: 'The block that is handled best, in bytes: a power of two; raised to the smallest block.',
  }),
  /** The longest request, in bytes: the smallest block or more. @default 32 MiB */
  maximumBlockSize: option.checked<number>(optionChecks.number, {
    default: 32 * 2 ** 20,
    defaultText: '32 MiB',
    doc: 'The longest request, in bytes: the smallest block or more.',
  }),
});

/** The block sizes that the layer shows, in bytes. */
export interface BlockSizeOptions extends OptionsOf<typeof blockSizeOptions> {}

/**
 * Gives a device other block sizes: it splits requests that are too long, and makes those fit that do not fit the device's blocks.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong, when the sizes are not valid block sizes, or when the
 *   device's size is no multiple of its own blocks.
 */
export function createBlockSizeLayer(device: BlockDevice, options: BlockSizeOptions = {}): BlockDevice {
  const { geometry } = device;
  const given = blockSizeOptions.resolve('createBlockSizeLayer', options);
  const { minimumBlockSize: minimum, maximumBlockSize: maximum } = given;
  const preferred = Math.max(minimum, given.preferredBlockSize ?? geometry.preferredBlockSize);
  for (const size of [minimum, preferred]) {
    if (!Number.isInteger(Math.log2(size))) {
      throw new UsageError('ERR_NBD_ARGUMENT', `a block size of ${size} is not a power of two`);
    }
  }
  if (!(maximum >= minimum)) throw new UsageError('ERR_NBD_ARGUMENT', `a maximum of ${maximum} is below ${minimum}`);
  if (geometry.size % BigInt(geometry.minimumBlockSize) !== 0n) {
    const message = `a device of ${geometry.size} bytes does not consist of blocks of ${geometry.minimumBlockSize}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const sizes = { minimumBlockSize: minimum, preferredBlockSize: preferred, maximumBlockSize: maximum };
  return new BlockSizeLayer(device, sizes);
}

class BlockSizeLayer extends Layer {
  readonly #aligned: AlignedAccess;
  /** The longest request of whole blocks that the device takes, in bytes. */
  readonly #longest: number;

  constructor(inner: BlockDevice, sizes: Omit<Geometry, 'size'>) {
    // Parts of blocks at the end of a device that was resized cannot be reached.
    const wholeBlocks = ({ size, minimumBlockSize }: Geometry): bigint => size - (size % BigInt(minimumBlockSize));
    super(inner, { passes: ['resizing'], geometry: (below) => ({ ...sizes, size: wholeBlocks(below) }) });
    const { minimumBlockSize, maximumBlockSize } = inner.geometry;
    this.#aligned = new AlignedAccess({
      blockBytes: minimumBlockSize,
      get size() {
        return inner.geometry.size;
      },
    });
    this.#longest = maximumBlockSize - (maximumBlockSize % minimumBlockSize);
  }

  /** The layer takes what fits its own blocks, and nothing else. */
  override get takesAnyRange(): boolean {
    return false;
  }

  override async read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    const [start] = requireInside(this.geometry.size, offset, target.length);
    await this.#aligned.read(this.#blocks(options), start, target);
    if (target.length > 0) options?.onChunk?.({ type: 'data', position: 0, length: target.length });
  }

  override async write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, source.length);
    const place = (from: bigint, to: bigint): Uint8Array => source.subarray(Number(from - start), Number(to - start));
    await this.#change(options, {
      start,
      end,
      edge: (bytes, from) => bytes.set(place(from, from + BigInt(bytes.length))),
      body: (from, to) => this.#blocks(options).write(from, place(from, to)),
    });
  }

  /** Only whole blocks are trimmed (S60). */
  override async trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const blocks = this.#aligned.inside(start, end);
    if (blocks !== undefined) await this.inner.trim(blocks[0], blocks[1] - blocks[0], options);
  }

  override async writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    await this.#change(options, {
      start,
      end,
      edge: (bytes) => bytes.fill(0),
      body: (from, to) => this.inner.writeZeroes(from, to - from, options),
    });
  }

  override async cache(offset: Offset, length: Offset): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const [from, to] = this.#aligned.around(start, end);
    if (start < end) await this.inner.cache(from, to - from);
  }

  override async blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): Promise<readonly MetaContextExtents[]> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const [from, to] = this.#aligned.around(start, end);
    const all = await this.inner.blockStatus(from, to - from, options);
    return all.map(({ context, extents }) => ({ context, extents: clipExtents(extents, start, end) }));
  }

  async #change(options: WriteOptions | undefined, change: Change): Promise<void> {
    const { start, end } = change;
    const signal = options?.signal;
    if (start === end) return;
    if (this.#aligned.fits(start, end)) await this.#aligned.whole(start, end, () => change.body(start, end), signal);
    // Edges hold bytes of other writes, so a signal does not stop them.
    else await this.#aligned.change(this.#blocks({ fua: options?.fua }), change, signal);
  }

  /** Whole blocks, in requests that the device takes. */
  #blocks(options: WriteOptions | undefined): BlockAccess {
    const { fua, signal } = options ?? {};
    return {
      read: async (start, target) => {
        for (const [from, part] of this.#pieces(start, target)) await this.inner.read(from, part, { signal });
      },
      write: async (start, source) => {
        for (const [from, part] of this.#pieces(start, source)) await this.inner.write(from, part, { fua, signal });
      },
    };
  }

  *#pieces(start: bigint, bytes: Uint8Array): Generator<readonly [start: bigint, part: Uint8Array]> {
    for (let position = 0; position < bytes.length; position += this.#longest) {
      yield [start + BigInt(position), bytes.subarray(position, position + this.#longest)];
    }
  }
}
