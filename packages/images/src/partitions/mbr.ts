/** The master boot record: four primary partitions, and a chain of logical ones in an extended one. */

import type { ImageFile } from '../device/image-file.ts';
import { damagedImage } from '../image-errors.ts';
import { judgePartitions, type PartitionEntry, type PartitionTable } from './partition-table.ts';
import { mbrTypeName } from './partition-types.ts';

/** The bytes of a boot record that matter here, whatever the sectors' size is. */
export const mbrBytes = 512;
/** The type of the one partition that tells programs of old that GPT is in use. */
export const protectiveType = 0xee;

const entriesOffset = 446;
const entryBytes = 16;
const extendedTypes: readonly number[] = [0x05, 0x0f, 0x85];
/** The system itself has no more than 256 partitions on a disk. */
const logicalMax = 256;

/** One entry of a boot record, with places in sectors. */
export interface MbrEntry {
  /** 0x80 when the partition is active, else 0; anything else is no boot record. */
  readonly status: number;
  readonly type: number;
  /** First sector, from where the record says. */
  readonly start: number;
  /** In sectors. */
  readonly count: number;
}

/** Decodes a boot record; `undefined` when it is none. File systems begin with the same signature, but not with such entries. */
export function decodeBootRecord(sector: Uint8Array): readonly MbrEntry[] | undefined {
  if (sector.length < mbrBytes || sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const view = new DataView(sector.buffer, sector.byteOffset, mbrBytes);
  const entries = [0, 1, 2, 3].map((index) => {
    const at = entriesOffset + index * entryBytes;
    return {
      status: view.getUint8(at),
      type: view.getUint8(at + 4),
      start: view.getUint32(at + 8, true),
      count: view.getUint32(at + 12, true),
    };
  });
  return entries.every(({ status }) => status === 0 || status === 0x80) ? entries : undefined;
}

/** Reads the table whose boot record is `sector`. */
export async function readMbr(
  disk: ImageFile,
  sector: Uint8Array,
  sectorBytes: number,
  signal: AbortSignal | undefined,
): Promise<PartitionTable> {
  const record = decodeBootRecord(sector);
  if (record === undefined) throw damagedImage('the first sector', 'it is no boot record');
  const problems: string[] = [];
  const entries: PartitionEntry[] = [];
  for (const [index, entry] of record.entries()) {
    if (isUsed(entry)) entries.push(entryOf(index + 1, entry, 0, sectorBytes));
  }
  const extended = record.filter((entry) => isUsed(entry) && isExtended(entry));
  if (extended.length > 1) problems.push('it has more than one extended partition; the first one is used');
  const [first] = extended;
  if (first !== undefined) entries.push(...(await readLogical(disk, first.start, sectorBytes, problems, signal)));
  const view = new DataView(sector.buffer, sector.byteOffset, mbrBytes);
  return {
    scheme: 'mbr',
    sectorBytes,
    id: view.getUint32(440, true).toString(16).padStart(8, '0'),
    partitions: judgePartitions(entries, BigInt(disk.size)),
    problems,
  };
}

/**
 * Follows the chain of extended boot records. Each has one logical partition, counted from its own place, and the place of the next,
 * counted from the start of the extended partition. What is damaged ends the chain, and is reported.
 */
async function readLogical(
  disk: ImageFile,
  base: number,
  sectorBytes: number,
  problems: string[],
  signal: AbortSignal | undefined,
): Promise<readonly PartitionEntry[]> {
  const entries: PartitionEntry[] = [];
  const seen = new Set<number>();
  let at = base;
  for (;;) {
    const place = `the extended boot record in sector ${at}`;
    if (seen.has(at)) problems.push(`${place} is a part of a loop`);
    else if (seen.size === logicalMax) problems.push(`it has more than ${logicalMax} logical partitions`);
    else if (at * sectorBytes + mbrBytes > disk.size) problems.push(`${place} is past the end of the disk`);
    if (seen.has(at) || seen.size === logicalMax || at * sectorBytes + mbrBytes > disk.size) return entries;
    seen.add(at);
    const sector = new Uint8Array(mbrBytes);
    await disk.read(at * sectorBytes, sector, signal);
    const record = decodeBootRecord(sector);
    if (record === undefined) {
      problems.push(`${place} has no signature, or other entries`);
      return entries;
    }
    const logical = record.find((entry) => isUsed(entry) && !isExtended(entry));
    if (logical !== undefined) {
      entries.push({ ...entryOf(5 + entries.length, logical, at, sectorBytes), kind: 'logical' });
    }
    const next = record.find((entry) => isUsed(entry) && isExtended(entry));
    if (next === undefined) return entries;
    at = base + next.start;
  }
}

function isUsed({ type, count }: MbrEntry): boolean {
  return type !== 0 && count !== 0;
}

function isExtended({ type }: MbrEntry): boolean {
  return extendedTypes.includes(type);
}

/** `base`: the sector from which the entry counts. */
function entryOf(number: number, entry: MbrEntry, base: number, sectorBytes: number): PartitionEntry {
  const type = entry.type.toString(16).padStart(2, '0');
  return {
    number,
    kind: isExtended(entry) ? 'extended' : 'primary',
    offset: BigInt(base + entry.start) * BigInt(sectorBytes),
    length: BigInt(entry.count) * BigInt(sectorBytes),
    type,
    typeName: mbrTypeName(type),
    id: undefined,
    name: undefined,
    isBootable: entry.status === 0x80,
    attributes: undefined,
  };
}
