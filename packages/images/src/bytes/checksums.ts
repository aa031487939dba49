/** Checksums that formats of images use. */

/** CRC-32 of IEEE 802.3 (GPT, gzip, xz), bits reversed. */
const ieee = 0xedb8_8320;
/** CRC-32C of Castagnoli (VHDX), bits reversed. */
const castagnoli = 0x82f6_3b78;

type Crc = (bytes: Uint8Array, start?: number) => number;

function crcOf(polynomial: number): Crc {
  let table: Uint32Array | undefined;
  return (bytes, start = 0) => {
    table ??= crcTable(polynomial);
    let crc = ~start;
    // An index loop: the checksum of a whole disk goes through here.
    for (let index = 0; index < bytes.length; index++) {
      crc = (crc >>> 8) ^ (table[(crc ^ (bytes[index] as number)) & 0xff] as number);
    }
    return ~crc >>> 0;
  };
}

function crcTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc >>> 0;
  });
}

/** CRC-32 (IEEE 802.3). `start`: the checksum of the bytes before. */
export const crc32 = crcOf(ieee);

/** CRC-32C (Castagnoli). `start`: the checksum of the bytes before. */
export const crc32c = crcOf(castagnoli);

/** So many bytes can be added before the sums leave 32 bits. */
const adlerRun = 3800;

/** Adler-32 (RFC 1950). */
export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + adlerRun);
    for (; at < end; at++) {
      low += bytes[at] as number;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return ((high << 16) | low) >>> 0;
}

/** Returns the bytes with a part of them zeroed: most formats compute a checksum over a structure whose own field is zero. */
export function withZeroed(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0, from, to);
  return copy;
}
