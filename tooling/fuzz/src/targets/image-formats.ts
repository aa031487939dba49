/** Disk images and compressed files: they come from anywhere. Those of qcow2 have a file of their own. */
import { gzipSync } from 'node:zlib';
import { openCompressed } from '@nbdjs/images/compressed';
import { nodeCodecs } from '@nbdjs/images/node';
import { openVhd, writeVhdStream } from '@nbdjs/images/vhd';
import { openVhdx } from '@nbdjs/images/vhdx';
import { openVmdk, writeVmdkStream } from '@nbdjs/images/vmdk';
import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { buildVhdx, mendVhdx, vhdxPlaces } from '@nbdjs/testkit';
import type { Target } from '../target.ts';
import { deviceOf, imageTarget } from './image-use.ts';

const sector = 512;

/** Good inputs that take time to make are made once, when the fuzzer starts. */
async function gather(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function smallDisk(size: number): BlockDevice {
  const device = createMemoryDevice({ size });
  device.write(0, new Uint8Array(Math.min(size, 70_000)).fill(7));
  return device;
}

const vmdks = await Promise.all(
  [2 ** 18, 40 * 2 ** 20].map((size) => gather(writeVmdkStream(smallDisk(size), { codecs: nodeCodecs }))),
);
// The room before the first grain would be most of each input: it is left out, and put back.
const roomBytes = 64 * 1024;
const headBytes = 1536;
const withoutRoom = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, headBytes), bytes.subarray(roomBytes)]);
const withRoom = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, headBytes), Buffer.alloc(roomBytes - headBytes), bytes.subarray(headBytes)]);
const descriptor = `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="twoGbMaxExtentFlat"
RW 100 FLAT "a-f001.vmdk" 0
RW 200 SPARSE "a-s002.vmdk"
RW 50 ZERO
`;

const vmdk = imageTarget(
  'image-vmdk',
  () => [...vmdks.map(withoutRoom), Buffer.from(descriptor)],
  (bytes, seed) =>
    openVmdk(deviceOf(bytes[0] === 0x23 ? bytes : withRoom(bytes)), {
      codecs: nodeCodecs,
      resolve: ({ name }) =>
        seed % 2 === 0 && name.includes('s0') ? deviceOf(vmdks[0] as Uint8Array) : smallDisk(seed % 200_000),
    }),
);

const vhds = await Promise.all(
  [2 ** 20, 5 * 2 ** 20].map((size) => gather(writeVhdStream(createMemoryDevice({ size })))),
);

const vhd = imageTarget(
  'image-vhd',
  () => vhds,
  (bytes, seed) => {
    // Without right checksums, no field behind them is ever looked at.
    const file = Buffer.from(bytes);
    const mend = (at: number, length: number, field: number): void => {
      if (at < 0 || at + length > file.length) return;
      file.writeUInt32BE(0, at + field);
      file.writeUInt32BE(~file.subarray(at, at + length).reduce((sum, byte) => sum + byte, 0) >>> 0, at + field);
    };
    if (seed % 8 !== 0) {
      mend(0, sector, 64);
      mend(sector, 2 * sector, 36);
      mend(file.length - sector, sector, 64);
    }
    return openVhd(deviceOf(file), { resolve: () => smallDisk(seed % 3_000_000) });
  },
);

/** Parts of a VHDX that are in an input, one behind the other. */
const vhdxParts = [
  [vhdxPlaces.headers[0], 512],
  [vhdxPlaces.headers[1], 512],
  [vhdxPlaces.regions[0], 512],
  [vhdxPlaces.metadata, 1024],
  [vhdxPlaces.metadata + 65_536, 512],
  [vhdxPlaces.bat, 1024],
  [vhdxPlaces.log, 12_288],
] as const;

const vhdxFiles = [
  buildVhdx({ size: 3 * 2 ** 20, entries: { 0: [6, 4], 1: [2, 0] } }),
  buildVhdx({ size: 3 * 2 ** 20, entries: { 0: [7, 4], 4096: [6, 4] }, parent: { relative_path: 'base.vhdx' } }),
  buildVhdx({
    size: 3 * 2 ** 20,
    entries: { 0: [6, 4] },
    log: [
      { sequence: 5, at: 0, tail: 0, changes: [{ offset: vhdxPlaces.bat, bytes: new Uint8Array(4096) }] },
      { sequence: 6, at: 8192, tail: 0, changes: [{ offset: 4 * 2 ** 20, zeroBytes: 65_536 }] },
    ],
  }),
];

const vhdx = imageTarget(
  'image-vhdx',
  () => vhdxFiles.map((file) => Buffer.concat(vhdxParts.map(([at, length]) => file.subarray(at, at + length)))),
  (bytes, seed) => {
    const file = (vhdxFiles[seed % vhdxFiles.length] as Uint8Array).slice();
    let from = 0;
    for (const [at, length] of vhdxParts) {
      file.set(bytes.subarray(from, from + length), at);
      from += length;
    }
    if (seed % 8 !== 0) mendVhdx(file);
    return openVhdx(deviceOf(file), { resolve: () => smallDisk(seed % 3_000_000) });
  },
);

const plain = new Uint8Array(100_000).map((_, index) => (index * index) >>> 8);
const frames = await Promise.all(
  [0, 50_000].map((at) => nodeCodecs.zstdCompress?.(plain.subarray(at, at + 50_000)) as Promise<Uint8Array>),
);
/** Made by `xz -0 --block-size=16384` from 40 000 bytes of the numbers from 0 to 250, again and again. */
const xzBase64 = [
  '/Td6WFoAAATm1rRGAgAhAQwAAACPmEGc4D//ARpdAAAAUlAKhPmbsoAhqWnWJ+A+BlpfBI1T1AS6OVcFCcFVJN6duHFZMWChn/lvSXPyyOqMuhqLKWkhgP4z',
  'g2avRm3snomKC4PwPA6Jjj/tX+eekNkc/zL0suA5UbLSFBW0xXG62wbjeZqfuzjBsACskwuqBhkDEggVW5vISPAyLv4toIfI8KTg0lHrjWdWkrJNhMXxhjHf',
  'amJbwnkt2fc8c7p0dAfYPKlWIiShZvhahF8wZ9L2S0kufyDr2/gQDpR4d8c/a++0zZXib/ZEbgbPC4Iay9t68FeNmP+QwD7mwRJBde4DnqjoegSV0b7Afmdy',
  'euC6vVn/y92z0tPsI/kLnjc9v9WDUooG7UH9E/uFAI3/OoAmgIIyKZAAAAAAAHW0Z6tywyf2AgAhAQwAAACPmEGc4D//ARtdACKRhQe87WaGPzCtuGJ+2dv0',
  '2MpyIczKoqbpWN0TZMa3pNv8uxEBg3vUaYCw1u+pumPfB6cKOwnQU3xrW+ZinITmFmfd1zYXhTwBYOZ8BIHplva3PCuechFOwYYbfBYRG0dDRDEyNhqfgYL5',
  'O8DSbQsnqnI8bYZ/PfO/u6eb3KRaeL+Dvlpb1BM8iPzM4ThRv8Y1l8lExqYYSfPjaymdP4Z4l9RpuNTt8RUdA2YFPk4zbQu4flOLc4IIdGHR4YZVovI3L9qe',
  'GIoA2faYgIgy+HmCjtoi/72hJJFK/FZasDYQV3qVFBqCOunUc8+WHURldPVWqMtRepVc2DocodloSILK1qT5mgCN9TzrLOhasBWRvcm2EpvGrOs4AAAAACn5',
  'BPhZ/APVAgAhAQwAAACPmEGc4Bw/AQldAEUizTwYG9sWFcoZYI5p4hg+UGBDnGTvnqUmOmgCKpepovYn+UFevayz90xKZvSgbeJ+XZMzv71rbNyaQktGWowh',
  '35HqYsMNV3c6z6yK4otQHqlG2Cp+7gRrRRXj6GygJB7n3yvIOaGlP3UtMCtCJ64GohkXsCDRND0cNGutB3X8oGvqyVLW/bW4c/WaecE1d4s4RvhKg8aOLkq5',
  'xohsmPBsRRilBK5K/ceb9Rpu+GPZAqgUy5MqbFlFeB7WVeJ+6mfW4C5Ov3A3JhHuEG6hWbNCM9zeoNGZpjlibQFcoDJwIs2KLINs0roIIN9C9xmOxjJpV8hS',
  'y+/BSgbrzZm5zUK1IDnXyNtykwAAAAAAJcgVZM10nGoAA7YCgIABtwKAgAGlAsA4/Go26qwnPi0EAAAAAARZWg==',
].join('');

const compressed = imageTarget(
  'image-compressed',
  () => [gzipSync(plain), Buffer.concat(frames), Buffer.from(xzBase64, 'base64')],
  (bytes, seed) =>
    openCompressed(deviceOf(bytes), {
      codecs: nodeCodecs,
      cacheBytes: seed % 2 === 0 ? 65_536 : 2 ** 20,
      store: () => createMemoryDevice({ size: 2 ** 20 }),
    }),
);

export const imageFormats: readonly Target[] = [vmdk, vhd, vhdx, compressed];
