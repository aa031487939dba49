/** GUID partition tables (UEFI specification, "GUID Partition Table (GPT) Disk Layout"). */
import { crc32, withZeroed } from '../bytes/checksums.ts';
import { guidBytes, isZeroGuid, readGuid } from '../bytes/guid.ts';
import { printable, readLatin1, readUtf16 } from '../bytes/text.ts';
import type { ImageFile } from '../device/image-file.ts';
import { damagedImage } from '../image-errors.ts';
import { judgePartitions, type PartitionEntry, type PartitionTable } from './partition-table.ts';
import { gptTypeName } from './partition-types.ts';

const headerBytesMin = 92;
const entryBytesMin = 128;
const entryBytesMax = 4096;
/** All entries together. A usual table has 16 KiB. */
const tableBytesMax = 4 * 2 ** 20;
const nameBytes = 72;
const legacyBootable = 4n;

/** One of the two copies of a header. */
interface GptHeader {
  readonly diskId: string;
  readonly backupSector: number;
  readonly lastUsable: number;
  readonly entriesSector: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesChecksum: number;
}

interface GptCopy {
  readonly header: GptHeader;
  readonly entries: Uint8Array;
}

/** Whether the second sector looks like a header of GPT, valid or not. */
export async function hasGptSignature(disk: ImageFile, sectorBytes: number, signal?: AbortSignal): Promise<boolean> {
  if (disk.size < 2 * sectorBytes) return false;
  const bytes = new Uint8Array(8);
  await disk.read(sectorBytes, bytes, signal);
  return readLatin1(bytes, 0, 8) === 'EFI PART';
}

/**
 * Reads the table: the first copy, or the one at the end of the disk where the first is damaged.
 *
 * @param problems what is wrong with the boot record before it
 * @throws UsageError `ERR_NBD_IMAGE` when both copies are damaged.
 */
export async function readGpt(
  disk: ImageFile,
  sectorBytes: number,
  problems: readonly string[],
  signal: AbortSignal | undefined,
): Promise<PartitionTable> {
  const found = [...problems];
  const last = Math.floor(disk.size / sectorBytes) - 1;
  const first = await tryCopy(disk, 1, sectorBytes, signal);
  const copy = first.copy ?? (await readBackup(disk, last, sectorBytes, first.problem, signal));
  if (first.copy === undefined) {
    found.push(`${first.problem}; the copy at the end of the disk is used`);
  } else {
    const { backupSector } = first.copy.header;
    const backup = await tryCopy(disk, backupSector, sectorBytes, signal);
    if (backup.copy === undefined) found.push(`the copy is damaged: ${backup.problem}`);
    else if (backupSector !== last) found.push(`the copy is in sector ${backupSector}, and the last sector is ${last}`);
  }
  return {
    scheme: 'gpt',
    sectorBytes,
    id: copy.header.diskId,
    partitions: judgePartitions(decodeEntries(copy, sectorBytes), BigInt(disk.size)),
    problems: found,
  };
}

async function readBackup(
  disk: ImageFile,
  last: number,
  sectorBytes: number,
  problem: string | undefined,
  signal: AbortSignal | undefined,
): Promise<GptCopy> {
  const backup = await tryCopy(disk, last, sectorBytes, signal);
  if (backup.copy === undefined) {
    throw damagedImage('both copies of the GPT', `the first: ${problem}; the one at the end: ${backup.problem}`);
  }
  return backup.copy;
}

interface CopyResult {
  readonly copy?: GptCopy;
  readonly problem?: string;
}

async function tryCopy(
  disk: ImageFile,
  sector: number,
  sectorBytes: number,
  signal: AbortSignal | undefined,
): Promise<CopyResult> {
  const place = sector * sectorBytes;
  if (sector < 1 || place + sectorBytes > disk.size) return { problem: `sector ${sector} is past the end of the disk` };
  const bytes = new Uint8Array(sectorBytes);
  await disk.read(place, bytes, signal);
  const header = decodeHeader(bytes, sector);
  if (typeof header === 'string') return { problem: `the header in sector ${sector}: ${header}` };
  const start = header.entriesSector * sectorBytes;
  const length = header.entryCount * header.entryBytes;
  if (start + length > disk.size) {
    return { problem: `the entries from sector ${header.entriesSector} on are past the end of the disk` };
  }
  const entries = new Uint8Array(length);
  await disk.read(start, entries, signal);
  if (crc32(entries) !== header.entriesChecksum) {
    return { problem: `the entries from sector ${header.entriesSector} on have a wrong checksum` };
  }
  return { copy: { header, entries } };
}

/** Returns the header, or what is wrong with it. */
function decodeHeader(sector: Uint8Array, place: number): GptHeader | string {
  if (readLatin1(sector, 0, 8) !== 'EFI PART') return 'it has no signature';
  const view = new DataView(sector.buffer, sector.byteOffset, sector.length);
  const length = view.getUint32(12, true);
  if (length < headerBytesMin || length > sector.length) return `it has ${length} bytes`;
  if (crc32(withZeroed(sector.subarray(0, length), 16, 20)) !== view.getUint32(16, true))
    return 'its checksum is wrong';
  const own = sectorNumber(view, 24);
  if (own !== place) return `it says that it is in sector ${own}`;
  const entryCount = view.getUint32(80, true);
  const entryBytes = view.getUint32(84, true);
  if (entryBytes < entryBytesMin || entryBytes > entryBytesMax || entryBytes % 8 !== 0) {
    return `its entries have ${entryBytes} bytes`;
  }
  if (entryCount * entryBytes > tableBytesMax) return `it has ${entryCount} entries of ${entryBytes} bytes`;
  return {
    diskId: readGuid(sector, 56),
    backupSector: sectorNumber(view, 32),
    lastUsable: sectorNumber(view, 48),
    entriesSector: sectorNumber(view, 72),
    entryCount,
    entryBytes,
    entriesChecksum: view.getUint32(88, true),
  };
}

/** Numbers that are too large to be exact are past the end of every disk. */
function sectorNumber(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

function decodeEntries({ header, entries }: GptCopy, sectorBytes: number): readonly PartitionEntry[] {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  const found: PartitionEntry[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const at = index * header.entryBytes;
    if (isZeroGuid(entries, at)) continue;
    const first = view.getBigUint64(at + 32, true);
    const last = view.getBigUint64(at + 40, true);
    // An entry that ends before it begins has no bytes, and cannot be opened.
    if (last < first) continue;
    const type = readGuid(entries, at);
    const name = printable(readUtf16(entries.subarray(at + 56, at + 56 + nameBytes)));
    const attributes = view.getBigUint64(at + 48, true);
    found.push({
      number: index + 1,
      kind: 'primary',
      offset: first * BigInt(sectorBytes),
      length: (last - first + 1n) * BigInt(sectorBytes),
      type,
      typeName: gptTypeName(type),
      id: readGuid(entries, at + guidBytes),
      name: name === '' ? undefined : name,
      isBootable: (attributes & legacyBootable) !== 0n,
      attributes,
    });
  }
  return found;
}
