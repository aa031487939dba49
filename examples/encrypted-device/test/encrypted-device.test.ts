import { createCipheriv } from 'node:crypto';
import { blockDeviceConformance } from '@nbdjs/conformance';
import { type BlockDevice, createBlockSizeLayer, createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { type FormatOptions, formatEncrypted, openEncrypted } from '../encrypted-device.ts';
import { createHeader, headerBytes } from '../header.ts';

const quick = { cost: 2 ** 4, blockSize: 8, parallelization: 1 };
const passphrase = 'correct horse';

async function make(size: number, options: FormatOptions = {}) {
  const below = createMemoryDevice({ size: headerBytes + size });
  await formatEncrypted(below, passphrase, { cost: quick, ...options });
  return { below, device: await openEncrypted(below, passphrase) };
}

async function read(device: BlockDevice, offset: number, length: number): Promise<Buffer> {
  const target = Buffer.alloc(length);
  await device.read(offset, target);
  return target;
}

// The suite asks for ranges of any length, which need a layer over whole sectors.
blockDeviceConformance({ describe, it }, 'encrypted, with any range', {
  make: async (size) => createBlockSizeLayer((await make(size, { sectorBytes: 512 })).device),
  extras: [],
});

it('stores nothing in clear text, and each sector in its own way', async () => {
  const { below, device } = await make(64 * 1024);
  await device.write(0, new Uint8Array(16_384).fill(0xab));
  const stored = await read(below, headerBytes, 16_384);
  expect(stored.includes(Buffer.alloc(16, 0xab))).toBe(false);
  expect(stored.subarray(0, 4096).equals(stored.subarray(4096, 8192))).toBe(false);
  expect(await read(device, 4096, 8192)).toEqual(Buffer.alloc(8192, 0xab));
});

it('is AES-256-XTS with the number of the sector as its tweak', async () => {
  const { bytes, key } = await createHeader(passphrase, 512, quick);
  const below = createMemoryDevice({ size: headerBytes + 4096 });
  await below.write(0, bytes);
  const device = await openEncrypted(below, passphrase);
  const sector = Buffer.alloc(512, 'content ');
  await device.write(3 * 512, sector);
  const tweak = Buffer.from('03000000000000000000000000000000', 'hex');
  expect(await read(below, headerBytes + 3 * 512, 512)).toEqual(
    createCipheriv('aes-256-xts', key, tweak).update(sector),
  );
});

it('has another salt each time', async () => {
  const [one, other] = [await make(4096), await make(4096)];
  for (const { device } of [one, other]) await device.write(0, Buffer.alloc(4096, 1));
  expect((await read(one.below, headerBytes, 4096)).equals(await read(other.below, headerBytes, 4096))).toBe(false);
});

it('reads back what it has written after it is opened again, and only with the passphrase', async () => {
  const { below, device } = await make(8192);
  await device.write(4096, Buffer.alloc(4096, 7));
  await expect(openEncrypted(below, 'another')).rejects.toThrow('the passphrase is wrong');
  expect(await read(await openEncrypted(below, passphrase), 4096, 4096)).toEqual(Buffer.alloc(4096, 7));
});

it('passes holes on, both ways', async () => {
  const { below, device } = await make(2 ** 20);
  const kibi = 1024;
  await device.write(512 * kibi, Buffer.alloc(64 * kibi, 1));
  const statusOf = async (one: BlockDevice, offset: number) =>
    (await one.blockStatus(offset, 4096))[0]?.extents[0]?.status;
  expect([await statusOf(device, 128 * kibi), await statusOf(device, 520 * kibi)]).toEqual([3n, 0n]);
  expect(await statusOf(below, 520 * kibi)).toBe(0n);
  await device.trim(448 * kibi, 192 * kibi);
  expect([await statusOf(below, 520 * kibi), await statusOf(device, 520 * kibi)]).toEqual([3n, 3n]);
  // Zeroes that are written are no hole, and still zeroes.
  await device.write(0, Buffer.alloc(4096));
  expect(await read(device, 0, 4096)).toEqual(Buffer.alloc(4096));
  expect((await read(below, headerBytes, 4096)).equals(Buffer.alloc(4096))).toBe(false);
});

it('says what is wrong with a device', async () => {
  await expect(openEncrypted(createMemoryDevice({ size: 100 }), passphrase)).rejects.toThrow('not encrypted');
  await expect(openEncrypted(createMemoryDevice({ size: 8192 }), passphrase)).rejects.toThrow('not encrypted');
  await expect(formatEncrypted(createMemoryDevice({ size: 100 }), passphrase)).rejects.toThrow('100 bytes');
  await expect(formatEncrypted(createMemoryDevice({ size: 8192 }), '')).rejects.toThrow('empty');
});

it.each([
  ['version', 8, 'version 4294967295'],
  ['sectors', 12, 'sectors of 4294967295'],
  ['cost', 16, 'too much'],
  ['salt', 30, 'passphrase is wrong'],
  ['check', 60, 'passphrase is wrong'],
])('does not trust a header: %s', async (_, offset, message) => {
  const { below } = await make(4096);
  await below.write(offset, Buffer.alloc(4, 0xff));
  await expect(openEncrypted(below, passphrase)).rejects.toThrow(message);
});
