/** A device on which a caller decides what becomes a hole. */
import {
  type BlockDevice,
  type Offset,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { defineOptions, isZero, Layer, type OptionsOf, option, requireInside } from '@nbdjs/kit';

export const holeOptions = defineOptions({
  /** Whether trims and zeroing may make holes. When off, a trim succeeds without doing anything, and what is zeroed stays allocated. @default true */
  holes: option.boolean({
    default: true,
    doc: 'Whether trims and zeroing may make holes. When off, a trim succeeds without doing anything, and what is zeroed stays allocated.',
  }),
  /**
   * What a write of nothing but zeroes becomes: `data`, as it is; `zeroed`, a request to zero its range, which stays allocated; `hole`, one
   * that may make a hole. Without effect where the device below cannot zero.
   *
   * @default 'data'
   */
  writtenZeroes: option.oneOf(['data', 'zeroed', 'hole'], {
    default: 'data',
    doc: 'What a write of nothing but zeroes becomes: `data`, as it is; `zeroed`, a request to zero its range, which stays allocated; `hole`, one that may make a hole. Without effect where the device below cannot zero.',
  }),
});

/** What becomes a hole. */
export interface HoleOptions extends OptionsOf<typeof holeOptions> {}

/**
 * Decides what becomes a hole: whether trims do, and whether zeroes do that were written as data.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong, or `hole` together with `holes: false`.
 */
export function createHoleLayer(device: BlockDevice, options: HoleOptions = {}): BlockDevice {
  const { holes, writtenZeroes } = holeOptions.resolve('createHoleLayer', options);
  if (!holes && writtenZeroes === 'hole') {
    throw new UsageError('ERR_NBD_ARGUMENT', 'written zeroes cannot become holes where none are made');
  }
  return new HoleLayer(device, holes, writtenZeroes);
}

/** Memory is not passed on: what is written there would not be noticed. */
class HoleLayer extends Layer {
  readonly #makesHoles: boolean;
  readonly #writtenZeroes: 'data' | 'zeroed' | 'hole';

  constructor(inner: BlockDevice, makesHoles: boolean, writtenZeroes: 'data' | 'zeroed' | 'hole') {
    super(inner, { passes: ['resizing', 'deferredReads'] });
    this.#makesHoles = makesHoles;
    this.#writtenZeroes = inner.abilities.writeZeroes ? writtenZeroes : 'data';
  }

  override write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    if (this.#writtenZeroes === 'data' || source.length === 0 || !isZero(source)) {
      return super.write(offset, source, options);
    }
    return super.writeZeroes(offset, source.length, { ...options, noHole: this.#writtenZeroes === 'zeroed' });
  }

  override trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    if (this.#makesHoles) return super.trim(offset, length, options);
    requireInside(this.geometry.size, offset, length);
    options?.signal?.throwIfAborted();
  }

  override writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): void | Promise<void> {
    return super.writeZeroes(offset, length, this.#makesHoles ? options : { ...options, noHole: true });
  }
}
