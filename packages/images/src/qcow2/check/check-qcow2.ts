/** Whether an image is consistent, and its repair. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { ImageFile } from '../../device/image-file.ts';
import { unsupportedImage } from '../../image-errors.ts';
import { judgeHeader } from '../judge-header.ts';
import { readQcow2Header } from '../read-header.ts';
import type { Qcow2Check } from './findings.ts';
import { ImageCheck } from './image-check.ts';
import { repairQcow2 } from './repair.ts';

export const checkQcow2Options = defineOptions({
  /**
   * `leaks`: storage that nothing uses is given back. `all`: refcounts and marks are made right, too; the disk's content is never changed.
   *
   * @default nothing is changed
   */
  repair: option.oneOf(['leaks', 'all'], {
    defaultText: 'nothing is changed',
    doc: "`leaks`: storage that nothing uses is given back. `all`: refcounts and marks are made right, too; the disk's content is never changed.",
  }),
  /** Memory for counts, in bytes; an image that is scattered over a huge file is read several times. @default 256 MiB */
  memoryBytes: option.bytes({
    default: 256 * 2 ** 20,
    least: 2 ** 20,
    doc: 'Memory for counts; an image that is scattered over a huge file is read several times.',
  }),
  /** Ends the check when it is aborted. A repair is not cut off within a step, and can be repeated. */
  signal: option.signal({
    doc: 'Ends the check when it is aborted. A repair is not cut off within a step, and can be repeated.',
  }),
});

/** How an image is checked. */
export interface Qcow2CheckOptions extends OptionsOf<typeof checkQcow2Options>, Abortable {}

/**
 * Checks a qcow2 image that no program writes to: whether refcounts are as high as there are references, and references make sense. What an image
 * refers to (backing and data files) is not opened.
 *
 * @param file the device that holds the image; it stays open
 * @throws UsageError `ERR_NBD_IMAGE` when it is no qcow2 image, or is so damaged that it cannot be checked; `ERR_NBD_NOT_SUPPORTED` for
 *   encryption and features that are not known here; `ERR_NBD_READ_ONLY` when it has to be repaired and `file` is open for reading only.
 */
export async function checkQcow2(file: BlockDevice, options: Qcow2CheckOptions = {}): Promise<Qcow2Check> {
  const settings = checkQcow2Options.resolve('checkQcow2', options);
  const { repair, memoryBytes, signal } = settings;
  if (repair !== undefined && file.abilities.readOnly) {
    throw new UsageError('ERR_NBD_READ_ONLY', 'the image is to be repaired, and its file is open for reading only');
  }
  const header = await readQcow2Header(file, { signal });
  const bytes = new ImageFile(file);
  judgeHeader(header, bytes.size);
  if (repair === undefined) return (await ImageCheck.run(bytes, header, { memoryBytes, signal })).result;
  if (bytes.blockBytes > 512)
    throw unsupportedImage(`a device with blocks of ${bytes.blockBytes} bytes cannot be repaired`);
  return repairQcow2(file, header, repair, { memoryBytes, signal });
}
