/** The header of a sparse extent ("Hosted Sparse Extents" of VMware's specification of virtual disks). All numbers are little-endian. */
import { damagedImage, unsupportedImage } from '../image-errors.ts';

/** The unit of most places and lengths in a VMDK, in bytes. */
export const sectorBytes = 512;
/** `KDMV`, as the file has it. */
export const sparseMagic = 0x564d_444b;
/** The table of grain tables is at the end, and the footer says where. */
export const directoryAtEnd = 0xffff_ffff_ffff_ffffn;

/** Flags of a header. */
export const SparseFlag = {
  /** The characters that tell a transfer in text mode are there. */
  NewlineTest: 1,
  /** There is a second copy of all tables. */
  RedundantTable: 2,
  /** An entry of 1 in a grain table is a grain of zeroes. */
  ZeroedGrains: 4,
  /** Grains are compressed. */
  Compressed: 0x1_0000,
  /** Markers are before grains and tables. */
  Markers: 0x2_0000,
} as const;

/** Grains of hosted products have 4 KiB to 64 KiB; QEMU accepts more. */
const grainSectorsMax = 2 ** 22;
const tableEntriesMax = 512;

/** A decoded header. Places and lengths are in sectors. */
export interface SparseHeader {
  readonly version: number;
  readonly flags: number;
  readonly capacity: number;
  readonly grainSectors: number;
  readonly descriptorSector: number;
  readonly descriptorSectors: number;
  /** Entries of one grain table. */
  readonly tableEntries: number;
  /** Where the table of grain tables begins; `undefined` when only the footer knows. */
  readonly directorySector: number | undefined;
  /** It was not closed properly. */
  readonly isUnclean: boolean;
  /** 0: grains are not compressed. 1: deflate. */
  readonly compression: number;
}

/**
 * Decodes a header.
 *
 * @param place where it is, for messages
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged, `ERR_NBD_NOT_SUPPORTED` for versions and methods that we do not know.
 */
export function decodeSparseHeader(bytes: Uint8Array, place: string): SparseHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== sparseMagic) throw damagedImage(place, 'it does not begin with KDMV');
  const version = view.getUint32(4, true);
  if (version < 1 || version > 3) throw unsupportedImage(`VMDK of version ${version}, expected 1 to 3`);
  const flags = view.getUint32(8, true);
  if (flags & SparseFlag.NewlineTest && view.getUint32(73, true) !== 0x0a0d_200a) {
    throw damagedImage(place, 'its line ends were changed: it was transferred as a text');
  }
  const directory = view.getBigUint64(56, true);
  const isAtEnd = directory === directoryAtEnd;
  const compression = view.getUint16(77, true);
  if (compression > 1) throw unsupportedImage(`VMDK with compression ${compression}, expected 0 or 1 (deflate)`);
  return {
    version,
    flags,
    capacity: sectors(view, 12, `${place}, capacity`),
    grainSectors: grainSize(sectors(view, 20, `${place}, grain size`), place),
    descriptorSector: sectors(view, 28, `${place}, descriptor`),
    descriptorSectors: sectors(view, 36, `${place}, descriptor`),
    tableEntries: tableSize(view.getUint32(44, true), place),
    directorySector: isAtEnd ? undefined : exact(directory, `${place}, grain directory`),
    isUnclean: view.getUint8(72) !== 0,
    compression: flags & SparseFlag.Compressed ? compression : 0,
  };
}

function grainSize(grainSectors: number, place: string): number {
  const isGood = grainSectors >= 1 && grainSectors <= grainSectorsMax && Number.isInteger(Math.log2(grainSectors));
  if (isGood) return grainSectors;
  throw damagedImage(place, `grains have ${grainSectors} sectors, expected a power of two up to ${grainSectorsMax}`);
}

function tableSize(entries: number, place: string): number {
  if (entries >= 1 && entries <= tableEntriesMax) return entries;
  throw damagedImage(place, `grain tables have ${entries} entries, expected 1 to ${tableEntriesMax}`);
}

function sectors(view: DataView, offset: number, place: string): number {
  return exact(view.getBigUint64(offset, true), place);
}

function exact(count: bigint, place: string): number {
  if (count * BigInt(sectorBytes) <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(count);
  throw damagedImage(place, `${count} sectors, expected fewer than 2^44`);
}
