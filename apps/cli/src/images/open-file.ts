/** Opens what a file operand names: the bytes of a file, or the disk in an image. */
import { type ProbedFormat, probeImage } from '@nbdjs/images/probe';
import type { FileDevice } from '@nbdjs/storage';
import type { FileLock } from '@nbdjs/syscalls';
import { argumentError } from '../errors/argument-error.ts';
import { type Choice, chooseFormat } from './choose-format.ts';
import { splitMember } from './image-path.ts';
import { loadImages } from './load.ts';
import { LockedImage, lockImage } from './locked-image.ts';
import type { ImageOpening, OpenedFile } from './opening.ts';
import type { ImageOptions } from './options.ts';

/**
 * Opens a file in the format that the options say, or that its name and its content say (decision 46).
 *
 * @throws UsageError when it cannot be opened as that; errors of the system.
 */
export async function openFileOperand(
  operand: string,
  options: ImageOptions,
  opening: ImageOpening,
): Promise<OpenedFile> {
  const { path, member } = splitMember(operand);
  const isGivenRaw = options.format === 'raw' && member === undefined;
  // What turns out to be an image is not opened for writing.
  let file = await opening.openFile(path, !isGivenRaw || opening.isReading);
  let lock: FileLock | undefined;
  try {
    const choice = await chooseFor(path, member, file, options, opening);
    if (choice.kind !== 'raw') {
      if (isWritable(choice, member, options, opening)) {
        await file.close();
        lock = await lockImage(path);
        file = await opening.openFile(path, false);
      }
      const opened = await (await loadImages()).openImage({ path, member, file, choice }, options, opening);
      return lock === undefined ? opened : { ...opened, device: new LockedImage(opened.device, lock) };
    }
    if (choice.warning !== undefined) opening.warn(choice.warning);
    if (options.snapshotName !== undefined) {
      throw argumentError(`${path}: --snapshot-name needs a qcow2 image, and this is taken as the bytes it has`);
    }
    if (!isGivenRaw && !opening.isReading) {
      await file.close();
      file = await opening.openFile(path, false);
    }
    const raw = { device: file, steps: [] };
    if (options.partition === undefined) return raw;
    return await (await loadImages()).openPartitionOf(raw, path, options, opening);
  } catch (error) {
    await file.close();
    lock?.release();
    throw error;
  }
}

/** Only qcow2 is changed in place, and only where more than its content says that it is an image. */
function isWritable(
  choice: Choice,
  member: string | undefined,
  { snapshotName }: ImageOptions,
  { isReading }: ImageOpening,
): boolean {
  if (isReading || member !== undefined || snapshotName !== undefined) return false;
  return choice.kind === 'disk' && choice.format === 'qcow2' && choice.isStated;
}

async function chooseFor(
  path: string,
  member: string | undefined,
  file: FileDevice,
  { format }: ImageOptions,
  { isReading, signal }: ImageOpening,
): Promise<Choice> {
  // The content of a block device is some machine's, and has no say.
  const isAsked = member !== undefined || (file.kind === 'file' && format !== 'raw');
  const content: ProbedFormat = isAsked ? (await probeImage(file, { signal })).format : 'raw';
  // With a member, the format that is given is the member's.
  const given = member === undefined ? format : undefined;
  const isArchive = member !== undefined;
  return chooseFormat({ name: path, content, given, isReading: isReading || isArchive, isArchive });
}
