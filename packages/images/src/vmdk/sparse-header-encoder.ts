/** Headers, footers and markers of stream-optimised extents, encoded. */
import { directoryAtEnd, SparseFlag, sectorBytes, sparseMagic } from './sparse-header.ts';

/** Grains of 64 KiB: hosted products take no others in streams. */
export const streamGrainSectors = 128;
/** Entries of a grain table. */
export const streamTableEntries = 512;
/** The header, the descriptor, and room behind it: the first grain begins at 64 KiB. */
export const streamOverheadSectors = 128;
/** Where the descriptor is. */
const streamDescriptorSector = 1;
const descriptorSectors = 20;

/** Kinds of what follows a marker. */
export const Marker = { EndOfStream: 0, GrainTable: 1, GrainDirectory: 2, Footer: 3 } as const;

/**
 * Encodes a header, or the footer, which is the same.
 *
 * @param directorySector where the table of grain tables is; `undefined` in the header, which is written before that is known
 */
export function encodeStreamHeader(capacitySectors: number, directorySector: number | undefined): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sparseMagic, true);
  view.setUint32(4, 3, true);
  view.setUint32(8, SparseFlag.NewlineTest | SparseFlag.Compressed | SparseFlag.Markers, true);
  view.setBigUint64(12, BigInt(capacitySectors), true);
  view.setBigUint64(20, BigInt(streamGrainSectors), true);
  view.setBigUint64(28, BigInt(streamDescriptorSector), true);
  view.setBigUint64(36, BigInt(descriptorSectors), true);
  view.setUint32(44, streamTableEntries, true);
  view.setBigUint64(56, directorySector === undefined ? directoryAtEnd : BigInt(directorySector), true);
  view.setBigUint64(64, BigInt(streamOverheadSectors), true);
  // A line feed, a space, and both characters of a line's end: a transfer as a text would change them.
  view.setUint32(73, 0x0a0d_200a, true);
  view.setUint16(77, 1, true);
  return bytes;
}

/** Encodes the marker before a table of so many sectors. */
export function encodeMarker(type: number, sectors: number): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sectors), true);
  view.setUint32(12, type, true);
  return bytes;
}

/** The text between the header and the first grain, with zeroes behind it. */
export function encodeStreamDescriptor(capacitySectors: number, name: string, contentId: number): Uint8Array {
  const bytes = new Uint8Array((streamOverheadSectors - streamDescriptorSector) * sectorBytes);
  const heads = 255;
  const trackSectors = 63;
  const cylinders = Math.min(65_535, Math.ceil(capacitySectors / (heads * trackSectors)));
  const lines = [
    '# Disk DescriptorFile',
    'version=1',
    `CID=${contentId.toString(16).padStart(8, '0')}`,
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    '',
    '# Extent description',
    `RW ${capacitySectors} SPARSE "${name.replace(/["\p{Cc}]/gu, '_')}"`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.virtualHWVersion = "4"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    `ddb.geometry.heads = "${heads}"`,
    `ddb.geometry.sectors = "${trackSectors}"`,
    'ddb.adapterType = "lsilogic"',
    '',
  ];
  new TextEncoder().encodeInto(lines.join('\n'), bytes.subarray(0, descriptorSectors * sectorBytes));
  return bytes;
}
