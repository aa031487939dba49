/** Records of folders in ISO 9660 (ECMA-119, 9.1), with the names of Rock Ridge (SUSP and RRIP 1.12). */
import { printable, readLatin1, readUtf16BigEndian } from '../bytes/text.ts';
import { damagedImage } from '../image-errors.ts';

const sectorBytes = 2048;
const fixedBytes = 33;
const directoryFlag = 2;
const goesOnFlag = 0x80;
const utf8 = new TextDecoder();

/** Which names are read. */
export type IsoNames = 'plain' | 'joliet' | 'rock ridge';

/** One record. */
export interface IsoRecord {
  readonly name: string;
  /** Of the content, in bytes. */
  readonly offset: number;
  readonly length: number;
  readonly isDirectory: boolean;
  /** The next record is a part of the same file. */
  readonly goesOn: boolean;
  /** It is the folder itself, or the one above. */
  readonly isSelfOrParent: boolean;
  /** It says that the volume has names of Rock Ridge. */
  readonly usesRockRidge: boolean;
}

/** @throws UsageError `ERR_NBD_IMAGE` when its parts do not fit. */
export function decodeIsoRecord(bytes: Uint8Array, names: IsoNames, place: string): IsoRecord {
  const nameBytes = bytes[32] ?? 0;
  const recordBytes = bytes[0] ?? 0;
  if (recordBytes < fixedBytes + 1 || recordBytes > bytes.length || fixedBytes + nameBytes > recordBytes) {
    throw damagedImage(place, `it has ${recordBytes} bytes, with a name of ${nameBytes}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const raw = bytes.subarray(fixedBytes, fixedBytes + nameBytes);
  const isSelfOrParent = nameBytes === 1 && (raw[0] as number) <= 1;
  // The area of the system begins at an even place.
  const system = bytes.subarray(fixedBytes + nameBytes + ((nameBytes + 1) % 2), recordBytes);
  const rockRidge = names === 'rock ridge' ? rockRidgeName(system) : '';
  const name = rockRidge === '' ? plainName(raw, names) : rockRidge;
  if (!isSelfOrParent && (name === '' || name.includes('/') || name === '..')) {
    throw damagedImage(place, `its name is '${printable(name)}'`);
  }
  const flags = view.getUint8(25);
  return {
    name: printable(name),
    offset: (view.getUint32(2, true) + view.getUint8(1)) * sectorBytes,
    length: view.getUint32(10, true),
    isDirectory: (flags & directoryFlag) !== 0,
    goesOn: (flags & goesOnFlag) !== 0,
    isSelfOrParent,
    usesRockRidge: isSelfOrParent && readLatin1(system, 0, 2) === 'SP',
  };
}

/** Without the number of the version, and without the dot that names without an extension have. */
function plainName(raw: Uint8Array, names: IsoNames): string {
  const text = names === 'joliet' ? readUtf16BigEndian(raw) : readLatin1(raw, 0, raw.length);
  return text.replace(/;\d+$/, '').replace(/\.$/, '');
}

/** A name may be in several entries. Those that go on elsewhere (`CE`) are cut at what is here. */
function rockRidgeName(system: Uint8Array): string {
  const parts: number[] = [];
  for (let at = 0; at + 4 <= system.length; ) {
    const length = system[at + 2] as number;
    if (length < 4 || at + length > system.length) break;
    const isName = system[at] === 0x4e && system[at + 1] === 0x4d;
    if (isName && length > 5) parts.push(...system.subarray(at + 5, at + length));
    at += length;
  }
  return utf8.decode(Uint8Array.from(parts));
}
