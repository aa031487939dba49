/** Opens what a file operand names: the bytes of a file, or the disk in an image. */
import { stat } from 'node:fs/promises';
import { type ProbedFormat, probeImage } from '@nbdjs/images/probe';
import type { FileDevice } from '@nbdjs/storage';
import { argumentError } from '../errors/argument-error.ts';
import { type Choice, chooseFormat } from './choose-format.ts';
import { splitMember } from './image-path.ts';
import { loadImages } from './load.ts';
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
  let choice: Choice;
  try {
    choice = await chooseFor(path, member, file, options, opening);
    if (choice.kind !== 'raw') {
      if (isWritable(choice, member, options, opening)) {
        await file.close();
        file = await opening.openFile(path, false);
        await claim(path);
      }
      return await (await loadImages()).openImage({ path, member, file, choice }, options, opening);
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  if (choice.warning !== undefined) opening.warn(choice.warning);
  if (options.snapshotName !== undefined) {
    await file.close();
    throw argumentError(`${path}: --snapshot-name needs a qcow2 image, and this is taken as the bytes it has`);
  }
  let raw = file;
  if (!isGivenRaw && !opening.isReading) {
    await file.close();
    raw = await opening.openFile(path, false);
  }
  if (options.partition === undefined) return { device: raw, steps: [] };
  return (await loadImages()).openPartitionOf({ device: raw, steps: [] }, path, options, opening);
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

/** Images that this process writes to, by what their files are recognised by. */
const claimed = new Set<string>();

/** An image has one writer, which has its tables in memory. @throws UsageError for the second one. */
async function claim(path: string): Promise<void> {
  const { dev, ino } = await stat(path);
  const id = `${dev}:${ino}`;
  if (claimed.has(id))
    throw argumentError(`${path}: the image is open for writing already, and has one writer at a time`);
  claimed.add(id);
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
