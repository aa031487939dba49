/** A disk to look at: two partitions, some text, and much that was never written. */
import { createMemoryDevice } from '@nbdjs/storage/memory';

const mebi = 2 ** 20;
const sectorBytes = 512;

const partitions = [
  { type: 0x83, offset: mebi, size: 16 * mebi },
  { type: 0x82, offset: 32 * mebi, size: 8 * mebi },
] as const;

export async function createDemoDisk() {
  const disk = createMemoryDevice({ size: 64 * mebi });
  await disk.write(0, masterBootRecord());
  for (const { offset, size } of partitions) {
    const text = new TextEncoder().encode(`The partition at ${offset} begins here. `.repeat(20_000));
    await disk.write(offset, text.subarray(0, Math.min(text.length, size)));
  }
  return disk;
}

/** The table of partitions that every system knows, at the end of the first sector. */
function masterBootRecord(): Uint8Array {
  const sector = new Uint8Array(sectorBytes);
  const view = new DataView(sector.buffer);
  for (const [index, { type, offset, size }] of partitions.entries()) {
    const at = 446 + 16 * index;
    view.setUint8(at + 4, type);
    view.setUint32(at + 8, offset / sectorBytes, true);
    view.setUint32(at + 12, size / sectorBytes, true);
  }
  view.setUint16(510, 0xaa55, true);
  return sector;
}
