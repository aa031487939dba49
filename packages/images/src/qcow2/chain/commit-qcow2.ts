/** What an image has changed goes into an image below it. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { unsupportedImage } from '../../image-errors.ts';
import { WritableQcow2 } from '../write/writable-qcow2.ts';
import { partsByLayer } from './disk-parts-by-layer.ts';
import { inPieces, type Piece, zeroRange } from './pieces.ts';

export const commitQcow2Options = defineOptions({
  /** Which disk of the chain `base` is: 2 for the one that the image itself was made over, 3 for the one below that, and so on. @default 2 */
  depth: option.count({
    default: 2,
    least: 2,
    doc: 'Which disk of the chain `base` is: 2 for the one that the image itself was made over, 3 for the one below that, and so on.',
  }),
  /** Called as the work goes on, with bytes of the disk. @default none */
  onProgress: option.callback<(doneBytes: number, totalBytes: number) => void>({
    defaultText: 'none',
    doc: 'Called as the work goes on, with bytes of the disk.',
  }),
  /** Ends the work when it is aborted. It can be begun anew then. */
  signal: option.signal({ doc: 'Ends the work when it is aborted. It can be begun anew then.' }),
});

/** How an image is committed. */
export interface CommitQcow2Options extends OptionsOf<typeof commitQcow2Options>, Abortable {}

/** What was done. */
export interface CommitReport {
  /** Bytes that were copied. */
  readonly copiedBytes: number;
  /** Bytes that were made zero. */
  readonly zeroedBytes: number;
}

/**
 * Writes all that an image has, and the images between, into one below it, which is made longer where it is shorter. Afterwards both have the same
 * content, on stable storage; a longer `base` keeps its end. The image itself is not changed (`emptyQcow2` does that), and can be committed again after an
 * interruption. Images between the two do not fit `base` any more.
 *
 * @param top the image, opened over `base`: what it reads from below, it has to read by this very device
 * @param base the disk that is changed; it stays open
 * @throws UsageError `ERR_NBD_READ_ONLY` when `base` cannot be written to; `ERR_NBD_NOT_SUPPORTED` when it is too short and cannot grow. What
 *   reading and writing throws.
 */
export async function commitQcow2(
  top: BlockDevice,
  base: BlockDevice,
  options: CommitQcow2Options = {},
): Promise<CommitReport> {
  const { depth, onProgress, signal } = commitQcow2Options.resolve('commitQcow2', options);
  if (base.abilities.readOnly) {
    throw new UsageError('ERR_NBD_READ_ONLY', 'the image below is open for reading only');
  }
  const { size } = top.geometry;
  if (size > base.geometry.size) {
    if (base.resizing === undefined) {
      const message = `the disk has ${size} bytes, and the one below ${base.geometry.size} and cannot grow`;
      throw unsupportedImage(message);
    }
    await base.resizing.resize(size, { signal });
  }
  const totals = { copiedBytes: 0, zeroedBytes: 0 };
  async function* own(): AsyncGenerator<Piece> {
    for await (const part of partsByLayer(top, signal)) {
      if (part.depth > 0 && part.depth < depth) yield part;
      onProgress?.(part.offset + part.length, Number(size));
    }
  }
  await inPieces(own(), signal, async ({ offset, length, isZero }) => {
    if (isZero) {
      await zeroRange(base, offset, length, signal);
      totals.zeroedBytes += length;
      return;
    }
    const bytes = new Uint8Array(length);
    await top.read(offset, bytes, { signal });
    await base.write(offset, bytes, { signal });
    totals.copiedBytes += length;
  });
  if (base.abilities.flush) await base.flush({ signal });
  return totals;
}

/**
 * Forgets all that an image has of its disk, so that the image below shows. Its storage is given back where the file can do that. Only after what it had
 * is on stable storage below; a cut in the middle is no harm then.
 *
 * @param image what `openWritableQcow2` has opened
 * @throws UsageError `ERR_NBD_ARGUMENT` for another device, or an image that is over no other.
 */
export async function emptyQcow2(image: BlockDevice, options: Abortable = {}): Promise<void> {
  if (!(image instanceof WritableQcow2)) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'emptyQcow2: expected an image that is open for writing');
  }
  if (image.image.backing === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'emptyQcow2: the image is over no other, and its content would be lost');
  }
  await image.forgetAll(options);
  await image.flush(options);
}
