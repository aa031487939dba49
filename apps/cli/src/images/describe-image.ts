/** Finds out what is in a file: its format, the disk in it, the table of partitions, the members of an archive. */
import { stat } from 'node:fs/promises';
import type { ImageFacts } from '@nbdjs/images';
import { listPartitions, type PartitionTable } from '@nbdjs/images/partitions';
import { probeImage } from '@nbdjs/images/probe';
import { readQcow2Facts } from '@nbdjs/images/qcow2';
import type { BlockDevice } from '@nbdjs/interfaces';
import { openFileDevice } from '@nbdjs/storage/file';
import type { Terminal } from '../terminal.ts';
import { type ArchiveMember, listMembers } from './archive-members.ts';
import { splitMember } from './image-path.ts';
import { naming } from './named-error.ts';
import { openForReading } from './open-for-reading.ts';
import type { ImagePart } from './opening.ts';
import type { ImageOptions } from './options.ts';

/** What is known of a file. */
export interface ImageDescription {
  /** As it was written. */
  readonly name: string;
  /** Of the file that it is in, in bytes. */
  readonly fileBytes: bigint;
  /** What the file takes in its file system, in bytes. */
  readonly storedBytes: bigint;
  /** The last step to the disk: `raw` for a file as it is. */
  readonly format: string;
  /** The steps to the disk, such as `tar member disk.vmdk` and `vmdk`. */
  readonly steps: readonly string[];
  /** Of the disk, in bytes; `undefined` where there is none, or it cannot be opened. */
  readonly virtualBytes?: bigint | undefined;
  readonly image?: ImageFacts | undefined;
  /** The files that the disk consists of, the image first. */
  readonly parts: readonly ImagePart[];
  readonly partitions?: PartitionTable | undefined;
  /** Of an archive. */
  readonly members?: readonly ArchiveMember[] | undefined;
  /** Why not all of it is known. */
  readonly error?: unknown;
}

type Known = Pick<ImageDescription, 'name' | 'fileBytes' | 'storedBytes'>;

/** @throws UsageError for what is no image, or so damaged that nothing can be said; errors of the system. */
export async function describeImage(
  operand: string,
  options: ImageOptions,
  terminal: Terminal,
): Promise<ImageDescription> {
  const { path } = splitMember(operand);
  const { size, blocks } = await stat(path, { bigint: true });
  const known = { name: operand, fileBytes: size, storedBytes: blocks * 512n };
  const { signal } = terminal;
  try {
    const warnings: string[] = [];
    const {
      device,
      steps,
      parts = [],
    } = await openForReading(operand, options, terminal, (text) => warnings.push(text));
    try {
      const described = await describeDisk(device, { ...known, steps, parts }, signal);
      // Its members say more of an archive, and an error more of anything.
      if (described.members === undefined && described.error === undefined)
        for (const text of warnings) terminal.note(`nbd: warning: ${text}`);
      return described;
    } finally {
      await device.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return await describeClosed(path, known, error, options, signal);
  }
}

async function describeDisk(
  device: BlockDevice,
  known: Known & Pick<ImageDescription, 'steps' | 'parts'>,
  signal: AbortSignal,
): Promise<ImageDescription> {
  const { steps, parts } = known;
  const image = parts[0]?.image;
  const described = {
    ...known,
    format: image?.format ?? steps.at(-1)?.split(' ')[0] ?? 'raw',
    virtualBytes: device.geometry.size,
    image,
  };
  try {
    const { format, partitions: scheme } = await probeImage(device, { signal });
    const partitions = scheme === undefined ? undefined : await listPartitions(device, { signal });
    // What is in a disk is a machine's: an archive in it is not ours to open.
    if (image !== undefined || (format !== 'tar' && format !== 'iso')) return { ...described, partitions };
    const members = await naming(known.name, () => listMembers(device, format, signal));
    return { ...described, format: steps.length === 0 ? format : described.format, partitions, members };
  } catch (error) {
    signal.throwIfAborted();
    return { ...described, error };
  }
}

/** A qcow2 image says much about itself even if it is encrypted, or a file that it needs is missing. */
async function describeClosed(
  path: string,
  known: Known,
  error: unknown,
  { format }: ImageOptions,
  signal: AbortSignal,
): Promise<ImageDescription> {
  let image: ImageFacts;
  try {
    if (format !== undefined && format !== 'qcow2') throw error;
    await using file = await openForDescription(path);
    image = await readQcow2Facts(file.device, { signal });
  } catch {
    throw error;
  }
  return { ...known, format: 'qcow2', steps: ['qcow2'], parts: [], virtualBytes: image.virtualBytes, image, error };
}

async function openForDescription(path: string) {
  const device = await openFileDevice(path, { readOnly: true });
  return { device, [Symbol.asyncDispose]: () => device.close() };
}
