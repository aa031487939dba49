/** The footer of a VHD, which is at the end of each, and again at the start of dynamic ones (Microsoft's specification, "Hard Disk Footer Format"). All numbers are big-endian. */
import { readUuid } from '../bytes/guid.ts';
import { readLatin1 } from '../bytes/text.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';

/** Bytes of a footer. */
export const footerBytes = 512;

const cookie = 'conectix';
/** What the fields for cylinders, heads and sectors say at most: the size in bytes counts then. */
const geometrySectorsMax = 65_535 * 16 * 255;
/** Programs whose disks have the size that cylinders, heads and sectors say, and not the one in bytes. */
const geometryCreators: readonly string[] = ['vpc ', 'vs  ', 'qemu'];

/** Kinds of disks, by their number. */
const kinds = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' } as const;

/** `fixed`: the disk as it is. `dynamic`: blocks. `differencing`: blocks over a parent. */
type VhdKind = (typeof kinds)[keyof typeof kinds];

/** A decoded footer. */
export interface VhdFooter {
  readonly kind: VhdKind;
  /** Where the header of a dynamic disk is, in bytes. */
  readonly headerOffset: bigint;
  /** The size of the disk in bytes. */
  readonly virtualBytes: number;
  /** Four characters of the program that made it. */
  readonly creator: string;
  readonly id: string;
  /** A machine's saved state belongs to it. */
  readonly hasSavedState: boolean;
}

/** @throws UsageError `ERR_NBD_IMAGE` when it is damaged; `ERR_NBD_NOT_SUPPORTED` for other versions and kinds. */
export function decodeFooter(bytes: Uint8Array, place: string): VhdFooter {
  if (readLatin1(bytes, 0, 8) !== cookie) throw damagedImage(place, `it does not begin with ${cookie}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, footerBytes);
  requireChecksum(bytes.subarray(0, footerBytes), 64, place);
  const version = view.getUint32(12);
  if (version >>> 16 !== 1) throw unsupportedImage(`VHD of version ${version >>> 16}, expected 1`);
  const kind = kinds[view.getUint32(60) as keyof typeof kinds];
  if (kind === undefined) throw unsupportedImage(`VHD of type ${view.getUint32(60)}, expected 2, 3 or 4`);
  const creator = readLatin1(bytes, 28, 4);
  const inBytes = view.getBigUint64(48);
  if (inBytes > Number.MAX_SAFE_INTEGER) throw damagedImage(place, `the disk has ${inBytes} bytes`);
  const sectors = view.getUint16(56) * view.getUint8(58) * view.getUint8(59);
  const usesGeometry = geometryCreators.includes(creator) && sectors !== geometrySectorsMax;
  return {
    kind,
    headerOffset: view.getBigUint64(16),
    virtualBytes: usesGeometry ? sectors * 512 : Number(inBytes) - (Number(inBytes) % 512),
    creator,
    id: readUuid(bytes, 68),
    hasSavedState: view.getUint8(84) !== 0,
  };
}

/**
 * The checksum of footers and headers: all bytes added, and inverted.
 *
 * @param field where the checksum itself is, which does not count
 */
export function vhdChecksum(bytes: Uint8Array, field: number): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) if (index < field || index >= field + 4) sum += byte;
  return ~sum >>> 0;
}

/** @throws UsageError `ERR_NBD_IMAGE` when the checksum in the bytes is another. */
export function requireChecksum(bytes: Uint8Array, field: number, place: string): void {
  const told = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(field);
  const expected = vhdChecksum(bytes, field);
  if (told !== expected) throw damagedImage(place, `its checksum is ${told}, expected ${expected}`);
}
