import { createMemoryDevice } from '@nbdjs/storage/memory';
import { buildQcow2Image } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { type ProbedImage, probeImage } from '../src/probe/index.ts';

async function probe(size: number, parts: Readonly<Record<number, string | readonly number[]>>): Promise<ProbedImage> {
  const device = createMemoryDevice({ size });
  for (const [at, part] of Object.entries(parts)) {
    const bytes = typeof part === 'string' ? Uint8Array.from(part, (one) => one.charCodeAt(0)) : Uint8Array.from(part);
    await device.write(Number(at), bytes);
  }
  return probeImage(device);
}

it.each<[string, number, Record<number, string | readonly number[]>]>([
  ['qcow', 4096, { 0: 'QFI\xfb\0\0\0\x01' }],
  ['vhdx', 4096, { 0: 'vhdxfile' }],
  ['vhd', 4096, { 0: 'conectix' }],
  ['vhd', 4096, { 3584: 'conectix' }],
  ['vmdk', 4096, { 0: 'KDMV' }],
  ['vmdk', 600, { 0: '# Disk DescriptorFile\n' }],
  ['luks', 4096, { 0: 'LUKS\xba\xbe\0\x02' }],
  ['vdi', 4096, { 64: [0x7f, 0x10, 0xda, 0xbe] }],
  ['gzip', 100, { 0: [0x1f, 0x8b, 8] }],
  ['xz', 100, { 0: '\xfd7zXZ\0' }],
  ['zstd', 100, { 0: [0x28, 0xb5, 0x2f, 0xfd] }],
  ['tar', 4096, { 257: 'ustar' }],
  ['iso', 65_536, { 32769: 'CD001' }],
  ['raw', 4096, { 0: 'QFI' }],
  ['raw', 0, {}],
  ['raw', 3, {}],
])('%s is recognised in %i bytes', async (format, size, parts) => {
  expect(await probe(size, parts)).toEqual({ format, partitions: undefined });
});

it('a qcow2 image is recognised', async () => {
  const { bytes } = buildQcow2Image();
  expect(await probe(bytes.length, { 0: [...bytes] })).toEqual({ format: 'qcow2', partitions: undefined });
});

it.each<['gpt' | 'mbr' | undefined, Record<number, string | readonly number[]>]>([
  ['gpt', { 512: 'EFI PART' }],
  ['gpt', { 4096: 'EFI PART' }],
  ['gpt', { 450: [0xee], 510: [0x55, 0xaa] }],
  ['mbr', { 446: [0x80], 450: [0x83], 510: [0x55, 0xaa] }],
  [undefined, { 510: [0x55, 0xaa] }],
  [undefined, { 446: [0x31], 450: [0x83], 510: [0x55, 0xaa] }],
])('a table of partitions of kind %s is recognised', async (partitions, parts) => {
  expect(await probe(8192, parts)).toEqual({ format: 'raw', partitions });
});
