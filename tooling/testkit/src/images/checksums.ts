/** Checksums for images that tests build, written apart from those that are tested. */

/** CRC-32C, bit by bit. */
export function slowCrc32c(bytes: Uint8Array): number {
  return slowCrc(bytes, 0x82f6_3b78);
}

/** CRC-32 of IEEE 802.3, bit by bit. */
export function slowCrc32(bytes: Uint8Array): number {
  return slowCrc(bytes, 0xedb8_8320);
}

function slowCrc(bytes: Uint8Array, polynomial: number): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
