/** VHDX in states that no program at hand leaves behind: logs that have to be replayed, and partly present blocks. */
import { buildVhdx, type VhdxLogEntry, vhdxPlaces } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { openVhdx } from '../src/vhdx/index.ts';
import { deviceOf, filled, readAt } from './support/memory-images.ts';

const mebibyte = 2 ** 20;
const size = 3 * mebibyte;

/** A sector of the BAT in which block `index` is at MiB `place`. */
function batSector(index: number, place: number): Uint8Array {
  const bytes = new Uint8Array(4096);
  new DataView(bytes.buffer).setBigUint64(index * 8, (BigInt(place) << 20n) | 6n, true);
  return bytes;
}

const content = [
  { offset: 4 * mebibyte, bytes: filled(mebibyte, 4) },
  { offset: 5 * mebibyte, bytes: filled(mebibyte, 5) },
];
const entry = (sequence: number, at: number, tail: number, place: number): VhdxLogEntry => ({
  sequence,
  at,
  tail,
  changes: [{ offset: vhdxPlaces.bat, bytes: batSector(1, place) }],
});

async function blockOne(log: readonly VhdxLogEntry[], change: (file: Uint8Array) => void = () => {}): Promise<number> {
  const file = buildVhdx({ size, content, log, fileBytes: 6 * mebibyte });
  change(file);
  const device = await openVhdx(deviceOf(file));
  expect(device.image.flags).toEqual(['log replayed in memory']);
  const bytes = await readAt(device, mebibyte, mebibyte);
  await device.close();
  expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
  return bytes[0] as number;
}

describe('the log of a VHDX', () => {
  it('is replayed in memory, and the file stays as it is', async () => {
    expect(await blockOne([entry(1, 0, 0, 4)])).toBe(4);
  });

  it('is replayed up to the last entry that is whole', async () => {
    const two = [entry(7, 0, 0, 4), entry(8, 8192, 0, 5)];
    expect(await blockOne(two)).toBe(5);
    const tearData = (file: Uint8Array) => file.fill(0x55, vhdxPlaces.log + 8192 + 5000, vhdxPlaces.log + 8192 + 5100);
    expect(await blockOne(two, tearData)).toBe(4);
  });

  it('is found where it goes on at its start, and older entries do not count', async () => {
    const end = mebibyte - 8192;
    expect(await blockOne([entry(20, end, end, 4), entry(21, 0, end, 5)])).toBe(5);
    // What was there before has another number.
    expect(await blockOne([entry(3, 65_536, 65_536, 5), entry(20, 131_072, 131_072, 4)])).toBe(4);
  });

  it('zeroes what it says', async () => {
    const zero = { sequence: 9, at: 0, tail: 0, changes: [{ offset: 4 * mebibyte, zeroBytes: mebibyte }] };
    const file = buildVhdx({ size, content, log: [zero], entries: { 0: [6, 4], 1: [6, 5] } });
    const device = await openVhdx(deviceOf(file));
    expect((await readAt(device, 0, mebibyte)).every((byte) => byte === 0)).toBe(true);
    expect((await readAt(device, mebibyte, mebibyte)).every((byte) => byte === 5)).toBe(true);
    await device.close();
  });

  it('without a whole entry, or of a file that was cut off, is refused in words', async () => {
    const open = async (log: readonly VhdxLogEntry[], change: (file: Uint8Array) => void = () => {}) => {
      const file = buildVhdx({ size, content, log, fileBytes: 6 * mebibyte });
      change(file);
      await openVhdx(deviceOf(file));
    };
    const tear = (file: Uint8Array) => file.fill(1, vhdxPlaces.log + 100, vhdxPlaces.log + 200);
    await expect(open([entry(1, 0, 0, 4)], tear)).rejects.toThrow(/has to be replayed, and has no valid entries/);
    await expect(open([{ ...entry(1, 0, 0, 4), flushedBytes: 2 ** 40 }])).rejects.toThrow(/it was cut off/);
    await expect(open([{ ...entry(1, 0, 0, 4), changes: [{ offset: 1234, zeroBytes: 4096 }] }])).rejects.toThrow(
      /it writes to byte 1234/,
    );
  });
});

describe('a differencing VHDX', () => {
  // Blocks of 1 MiB, sectors of 512 bytes: the bitmap of the first 4096 blocks is entry 4096.
  const bitmap = new Uint8Array(mebibyte);
  bitmap[0] = 0b0000_0101;
  bitmap[1] = 0xff;
  const child = (parent: Record<string, string>) =>
    buildVhdx({
      size,
      parent,
      entries: { 0: [7, 4], 1: [6, 5], 4096: [6, 6] },
      content: [...content, { offset: 6 * mebibyte, bytes: bitmap }],
    });
  const names = {
    relative_path: '.\\base.vhdx',
    parent_linkage: `{${'bb'.repeat(4)}-bbbb-bbbb-bbbb-${'bb'.repeat(6)}}`,
  };

  it('has sectors of its own, and those of its parent', async () => {
    const base = buildVhdx({
      size,
      entries: { 0: [6, 4], 2: [6, 5] },
      content: content.map((one) => ({ ...one, bytes: filled(mebibyte, 9) })),
    });
    const asked: string[] = [];
    const device = await openVhdx(deviceOf(child(names)), {
      name: 'child.vhdx',
      resolve: ({ kind, name, format, from }) => {
        asked.push(`${kind} ${name} ${format} ${from}`);
        return openVhdx(deviceOf(base));
      },
    });
    expect(asked).toEqual(['backing .\\base.vhdx vhdx child.vhdx']);
    const first = await readAt(device, 0, 17 * 512);
    const sectors = Array.from({ length: 17 }, (_, index) => first[index * 512]);
    expect(sectors).toEqual([4, 9, 4, 9, 9, 9, 9, 9, 4, 4, 4, 4, 4, 4, 4, 4, 9]);
    expect((await readAt(device, mebibyte, 512))[0]).toBe(5);
    expect((await readAt(device, 2 * mebibyte, 512))[0]).toBe(9);
    await device.close();
  });

  it('is refused without a resolver, and over a parent that was changed', async () => {
    await expect(openVhdx(deviceOf(child(names)))).rejects.toThrow(/refers to the parent image '\.\\base\.vhdx'/);
    const resolve = () => openVhdx(deviceOf(buildVhdx({ size })));
    const other = { ...names, parent_linkage: `{${'00'.repeat(4)}-0000-0000-0000-${'00'.repeat(6)}}` };
    await expect(openVhdx(deviceOf(child(other)), { resolve })).rejects.toThrow(/it was changed/);
  });
});
