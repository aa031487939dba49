/** One header of a tar archive (POSIX "ustar Interchange Format", and GNU's). */
import { readLatin1, readUtf8 } from '../bytes/text.ts';
import { damagedImage } from '../image-errors.ts';

/** Headers and contents are in blocks of so many bytes. */
export const tarBlockBytes = 512;

/** A decoded header. */
export interface TarHeader {
  readonly name: string;
  /** Length of the content in bytes. */
  readonly size: number;
  /** One character. */
  readonly type: string;
  readonly modifiedSeconds: number;
  /** Blocks with the map of a sparse file follow (GNU). */
  readonly hasSparseMap: boolean;
}

/**
 * @param place where it is, for messages
 * @throws UsageError `ERR_NBD_IMAGE` when its checksum is wrong: it is none, or damaged.
 */
export function decodeTarHeader(block: Uint8Array, place: string): TarHeader {
  const told = readNumber(block, 148, 8);
  // The checksum counts its own field as spaces. Programs of old summed signed bytes.
  let unsigned = 0;
  let signed = 0;
  for (const [index, byte] of block.entries()) {
    const counted = index >= 148 && index < 156 ? 32 : byte;
    unsigned += counted;
    signed += counted > 127 ? counted - 256 : counted;
  }
  if (told !== unsigned && told !== signed) throw damagedImage(place, 'its checksum is wrong: it is no tar header');
  const size = readNumber(block, 124, 12);
  if (!Number.isSafeInteger(size) || size < 0) throw damagedImage(place, `its size is ${size}`);
  const isPosix = readLatin1(block, 257, 6) === 'ustar\0';
  const prefix = isPosix ? readUtf8(block.subarray(345, 500)) : '';
  const name = readUtf8(block.subarray(0, 100));
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size,
    type: readLatin1(block, 156, 1),
    modifiedSeconds: readNumber(block, 136, 12),
    hasSparseMap: block[482] === 1,
  };
}

/** Octal digits; or, with the highest bit set, a binary number (GNU). */
function readNumber(block: Uint8Array, offset: number, length: number): number {
  const first = block[offset] as number;
  if ((first & 0x80) === 0) {
    const text = readLatin1(block, offset, length).replace(/\0.*$/s, '').trim();
    return /^[0-7]*$/.test(text) ? Number.parseInt(text === '' ? '0' : text, 8) : Number.NaN;
  }
  // The sign is in the bit below. A negative number fits no field here but the time.
  let value = first & 0x40 ? -1 : 0;
  if (value === 0) value = first & 0x3f;
  for (let index = offset + 1; index < offset + length; index++) value = value * 256 + (block[index] as number);
  return value;
}
