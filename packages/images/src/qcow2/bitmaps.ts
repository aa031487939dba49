/** The bitmaps of changed blocks inside of an image ("Bitmaps extension"). */
import type { FileBytes } from '../device/image-file.ts';
import { readStructure } from '../device/image-file.ts';
import { damagedImage, quoted } from '../image-errors.ts';
import type { BitmapFacts } from '../image-facts.ts';
import { Autoclear } from './features.ts';
import type { Qcow2Header } from './header.ts';
import { bitmapsExtension } from './header-extensions.ts';
import { bitmapDirectoryBytesMax, bitmapNameBytesMax, bitmapsMax, bitmapTableBytesMax } from './limits.ts';

/** The table of a bitmap. */
interface BitmapTable {
  /** Where it begins, in bytes. */
  offset: number;
  /** How many entries it has: clusters of bits. */
  entries: number;
}

/** A bitmap: what people know of it, and where its table is. */
export interface Qcow2Bitmap extends BitmapFacts {
  /** Where its entry in the directory is, in bytes. */
  readonly place: number;
  /** Where its table is; it changes when the disk is resized. */
  readonly table: BitmapTable;
  /** It can be used: it is complete, and has nothing that we do not know. */
  readonly isUsable: boolean;
}

const fixedBytes = 24;
/** Flags of a bitmap. */
export const BitmapFlag = { InUse: 1, Auto: 2, ExtraDataCompatible: 4 } as const;
/** The type of dirty tracking bitmaps, the only one that there is. */
const trackingType = 1;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the directory of bitmaps. An image that was changed by a program that does not know bitmaps has none any more: they are stale.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged.
 */
export async function readBitmaps(
  file: FileBytes,
  header: Qcow2Header,
  signal?: AbortSignal,
): Promise<readonly Qcow2Bitmap[]> {
  const where = bitmapsExtension(header.extensions);
  if (where === undefined || (header.autoclear & Autoclear.Bitmaps) === 0n) return [];
  const { count, directoryBytes, directoryOffset } = where;
  const place = 'the bitmaps extension';
  if (count > bitmapsMax) throw damagedImage(place, `${count} bitmaps, expected ${bitmapsMax} or fewer`);
  if (directoryBytes > bitmapDirectoryBytesMax || directoryBytes < BigInt(count * fixedBytes)) {
    throw damagedImage(place, `a directory of ${directoryBytes} bytes for ${count} bitmaps`);
  }
  if (directoryOffset % 2n ** BigInt(header.clusterBits) !== 0n || directoryOffset > BigInt(file.size)) {
    throw damagedImage(place, `the directory is at byte ${directoryOffset}`);
  }
  const directory = await readStructure(
    file,
    'the directory of bitmaps',
    Number(directoryOffset),
    Number(directoryBytes),
    signal,
  );
  const bitmaps = new Map<string, Qcow2Bitmap>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    const entry = `the bitmap at byte ${Number(directoryOffset) + at}`;
    const { bitmap, length } = decodeBitmap(directory.subarray(at), entry, header);
    if (bitmaps.has(bitmap.name)) throw damagedImage(entry, `there are two bitmaps ${quoted(bitmap.name)}`);
    bitmaps.set(bitmap.name, { ...bitmap, place: Number(directoryOffset) + at });
    at += length;
  }
  return [...bitmaps.values()];
}

function decodeBitmap(
  bytes: Uint8Array,
  place: string,
  header: Qcow2Header,
): { bitmap: Omit<Qcow2Bitmap, 'place'>; length: number } {
  if (bytes.length < fixedBytes) throw damagedImage(place, `the directory ends after ${bytes.length} of its bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [flags, type, granularityBits] = [view.getUint32(12), view.getUint8(16), view.getUint8(17)];
  const [nameBytes, extraBytes] = [view.getUint16(18), view.getUint32(20)];
  const used = fixedBytes + extraBytes + nameBytes;
  const length = used + ((8 - (used % 8)) % 8);
  if (used > bytes.length)
    throw damagedImage(place, `it has ${used} bytes, and the directory ends after ${bytes.length}`);
  if (granularityBits < 9 || granularityBits > 31) {
    throw damagedImage(place, `a granularity of 2^${granularityBits} bytes, expected 2^9 to 2^31`);
  }
  if (nameBytes === 0 || nameBytes > bitmapNameBytesMax) {
    throw damagedImage(place, `a name of ${nameBytes} bytes, expected 1 to ${bitmapNameBytesMax}`);
  }
  const tableEntries = view.getUint32(8);
  const tableOffset = view.getBigUint64(0);
  const clusterBytes = 2 ** header.clusterBits;
  const granularityBytes = 2 ** granularityBits;
  const needed = tableEntriesFor(header.virtualBytes, granularityBytes, clusterBytes);
  const inUse = (flags & BitmapFlag.InUse) !== 0;
  // A bitmap in use was not resized with the disk.
  if (tableEntries > bitmapTableBytesMax / 8 || (!inUse && tableEntries !== needed)) {
    throw damagedImage(place, `a table of ${tableEntries} entries, expected ${needed}`);
  }
  if (tableOffset % BigInt(clusterBytes) !== 0n || tableOffset > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw damagedImage(place, `its table at byte ${tableOffset} is not at the start of a cluster`);
  }
  return {
    length,
    bitmap: {
      name: nameOf(bytes.subarray(fixedBytes + extraBytes, used), place),
      granularityBytes,
      inUse,
      isAuto: (flags & BitmapFlag.Auto) !== 0,
      table: { offset: Number(tableOffset), entries: tableEntries },
      isUsable: !inUse && type === trackingType && (extraBytes === 0 || (flags & BitmapFlag.ExtraDataCompatible) !== 0),
    },
  };
}

/** How many entries the table of a bitmap has for a disk of so many bytes. */
export function tableEntriesFor(diskBytes: bigint, granularityBytes: number, clusterBytes: number): number {
  return Math.ceil(Math.ceil(Number(diskBytes) / granularityBytes) / (8 * clusterBytes));
}

function nameOf(bytes: Uint8Array, place: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw damagedImage(place, `its name is not UTF-8: ${cause instanceof Error ? cause.message : cause}`);
  }
}
