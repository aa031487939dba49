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
export const crc32: (bytes: Uint8Array, start?: number) => number = crcOf(ieee);

/** CRC-32C (Castagnoli). `start`: the checksum of the bytes before. */
export const crc32c: (bytes: Uint8Array, start?: number) => number = crcOf(castagnoli);
