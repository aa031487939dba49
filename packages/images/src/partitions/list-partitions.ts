/** The partition table of a disk, and single partitions as devices. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { createSliceLayer, defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { ImageFile } from '../device/image-file.ts';
import { damagedImage } from '../image-errors.ts';
import { hasGptSignature, readGpt } from './gpt.ts';
import { decodeBootRecord, mbrBytes, protectiveType, readMbr } from './mbr.ts';
import type { Partition, PartitionTable } from './partition-table.ts';

export const partitionOptions = defineOptions({
  /** The disk's sectors, in which its table counts: 512 or 4096. @default found out: where the table is */
  sectorBytes: option.powerOfTwoBytes({
    least: 512,
    most: 65_536,
    defaultText: 'found out: where the table is',
    doc: "The disk's sectors, in which its table counts: 512 or 4096.",
  }),
  /** Ends the call when it is aborted. */
  signal: option.signal({ doc: 'Ends the call when it is aborted.' }),
});

/** How a partition table is read. */
export interface PartitionOptions extends OptionsOf<typeof partitionOptions>, Abortable {}

/** In the order in which they are tried. */
const usualSectors = [512, 4096] as const;

/**
 * Reads the partition table of a disk: GPT, or MBR with its logical partitions. Nothing is changed.
 *
 * A GPT whose first copy is damaged is read from the copy at the end of the disk; the table's `problems` say so.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when there is no table, or both copies are damaged.
 */
export async function listPartitions(device: BlockDevice, options: PartitionOptions = {}): Promise<PartitionTable> {
  const { sectorBytes, signal } = partitionOptions.resolve('listPartitions', options);
  const disk = new ImageFile(device);
  if (disk.size < mbrBytes) throw damagedImage('the first sector', `the disk has ${disk.size} bytes`);
  const sector = new Uint8Array(mbrBytes);
  await disk.read(0, sector, signal);
  const record = decodeBootRecord(sector);
  const used = record?.filter(({ type }) => type !== 0) ?? [];
  const isProtective = used.some(({ type }) => type === protectiveType);
  // Partitions of MBR without a protective one: what may be left of a GPT is not in use, the system ignores it, too.
  if (isProtective || used.length === 0) {
    const found = await findGpt(disk, sectorBytes, isProtective, signal);
    if (found !== undefined) {
      const problems: string[] = [];
      if (!isProtective) problems.push('there is no protective MBR');
      if (used.length > 1) problems.push('the MBR has partitions besides the protective one (hybrid MBR)');
      return readGpt(disk, found, problems, signal);
    }
  }
  if (record === undefined) {
    throw new UsageError('ERR_NBD_IMAGE', 'the disk has no partitions: there is neither a boot record nor a GPT in it');
  }
  return readMbr(disk, sector, sectorBytes ?? Math.max(512, device.geometry.minimumBlockSize), signal);
}

/** Returns the sectors' size with which there is a GPT. */
async function findGpt(
  disk: ImageFile,
  sectorBytes: number | undefined,
  isProtective: boolean,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const sizes = sectorBytes === undefined ? usualSectors : [sectorBytes];
  for (const size of sizes) if (await hasGptSignature(disk, size, signal)) return size;
  // The first copy is gone altogether. The one at the end is looked for where something says that there was one.
  if (!isProtective) return undefined;
  for (const size of sizes) {
    const last = Math.floor(disk.size / size) - 1;
    if (last > 0 && (await hasSignatureAt(disk, last * size, signal))) return size;
  }
  return undefined;
}

async function hasSignatureAt(disk: ImageFile, place: number, signal: AbortSignal | undefined): Promise<boolean> {
  const bytes = new Uint8Array(8);
  await disk.read(place, bytes, signal);
  return new TextDecoder('latin1').decode(bytes) === 'EFI PART';
}

/**
 * Opens one partition as a device, for reading and writing as far as the disk can. Closing it closes the disk.
 *
 * @param number as `listPartitions` counts them
 * @throws UsageError `ERR_NBD_ARGUMENT` when there is no partition of that number, or it is an extended one; `ERR_NBD_IMAGE` when it
 *   reaches past the end of the disk, and as `listPartitions` does.
 */
export async function openPartition(
  device: BlockDevice,
  number: number,
  options: PartitionOptions = {},
): Promise<BlockDevice> {
  return slicePartition(device, findPartition(await listPartitions(device, options), number));
}

/**
 * The partition of a number.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when there is none, with the numbers that there are.
 */
export function findPartition({ partitions }: PartitionTable, number: number): Partition {
  const found = partitions.find((one) => one.number === number);
  if (found !== undefined) return found;
  const numbers = partitions.map((one) => one.number).join(', ');
  const there = partitions.length === 0 ? 'the table is empty' : `there are ${numbers}`;
  throw new UsageError('ERR_NBD_ARGUMENT', `there is no partition ${number}; ${there}`);
}

function slicePartition(device: BlockDevice, { number, kind, offset, length }: Partition): BlockDevice {
  if (kind === 'extended') {
    const message = `partition ${number} is an extended one, which holds the logical ones from 5 on`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (offset + length > device.geometry.size) {
    const message = `it ends at byte ${offset + length}, and the disk at ${device.geometry.size}`;
    throw damagedImage(`partition ${number}`, message);
  }
  return createSliceLayer(device, { offset, length });
}
