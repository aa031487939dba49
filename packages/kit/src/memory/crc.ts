/** Cyclic redundancy checks. */

/** CRC-32 of IEEE 802.3 (GPT, gzip, xz), bits reversed. */
const ieee = 0xedb8_8320;
/** CRC-32C of Castagnoli (VHDX), bits reversed. */
const castagnoli = 0x82f6_3b78;

type Crc = (bytes: Uint8Array, start?: number) => number;

function crcOf(polynomial: number): Crc {
  let table: Uint32Array | undefined;
  return (bytes, start = 0) => {
    table ??= crcTable(polynomial);
    const t = table;
    let crc = ~start;
    let index = 0;
    // Eight bytes at a time, by a table for the place of each: the checksum of a whole disk goes through here.
    for (const last = bytes.length - 8; index <= last; index += 8) {
      const first =
        crc ^
        ((bytes[index] as number) |
          ((bytes[index + 1] as number) << 8) |
          ((bytes[index + 2] as number) << 16) |
          ((bytes[index + 3] as number) << 24));
      crc =
        (t[1792 + (first & 0xff)] as number) ^
        (t[1536 + ((first >>> 8) & 0xff)] as number) ^
        (t[1280 + ((first >>> 16) & 0xff)] as number) ^
        (t[1024 + (first >>> 24)] as number) ^
        (t[768 + (bytes[index + 4] as number)] as number) ^
        (t[512 + (bytes[index + 5] as number)] as number) ^
        (t[256 + (bytes[index + 6] as number)] as number) ^
        (t[bytes[index + 7] as number] as number);
    }
    for (; index < bytes.length; index++) {
      crc = (crc >>> 8) ^ (t[(crc ^ (bytes[index] as number)) & 0xff] as number);
    }
    return ~crc >>> 0;
  };
}

/** Eight tables of 256: what a byte does to the checksum when so many more bytes, from 0 to 7, come behind it. */
function crcTable(polynomial: number): Uint32Array {
  const table = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const before = table[at - 256] as number;
    table[at] = (before >>> 8) ^ (table[before & 0xff] as number);
  }
  return table;
}

/** CRC-32 (IEEE 802.3). `start`: the checksum of the bytes before. */
export const crc32: (bytes: Uint8Array, start?: number) => number = crcOf(ieee);

/** CRC-32C (Castagnoli). `start`: the checksum of the bytes before. */
export const crc32c: (bytes: Uint8Array, start?: number) => number = crcOf(castagnoli);
