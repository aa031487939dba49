/**
 * The suite for devices, for every format. Images are read-only, so that each is below an overlay: what the suite writes goes there, and all else
 * comes from the image.
 */
import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice, createOverlayLayer } from '@nbdjs/storage';
import { blockDeviceConformance, buildVhdx } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { openTarMember } from '../src/archives/index.ts';
import { openCompressed } from '../src/compressed/index.ts';
import { nodeCodecs } from '../src/node/index.ts';
import { openVhd, writeVhdStream } from '../src/vhd/index.ts';
import { openVhdx } from '../src/vhdx/index.ts';
import { openVmdk, writeVmdkStream } from '../src/vmdk/index.ts';
import { deviceOf, gather } from './support/memory-images.ts';

/** Blank disks of so many bytes, in each format. */
const formats: Readonly<Record<string, (size: number) => Promise<BlockDevice>>> = {
  async vmdk(size) {
    const stream = writeVmdkStream(createMemoryDevice({ size }), { codecs: nodeCodecs });
    return openVmdk(deviceOf(await gather(stream)), { codecs: nodeCodecs });
  },
  async vhd(size) {
    return openVhd(deviceOf(await gather(writeVhdStream(createMemoryDevice({ size })))));
  },
  async vhdx(size) {
    return openVhdx(deviceOf(buildVhdx({ size })));
  },
  async zstd(size) {
    const frames: Uint8Array[] = [];
    for (let at = 0; at < size; at += 300_000) {
      const piece = new Uint8Array(Math.min(300_000, size - at));
      frames.push((await nodeCodecs.zstdCompress?.(piece)) as Uint8Array);
    }
    return openCompressed(deviceOf(Buffer.concat(frames)), { codecs: nodeCodecs });
  },
  async 'tar member'(size) {
    const archive = Buffer.alloc(512 + size + 1024);
    archive.write('disk.raw', 0);
    archive.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    archive.write('        0', 148);
    archive.write('ustar\0', 257);
    const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return openTarMember(deviceOf(archive), 'disk.raw');
  },
};

for (const [name, make] of Object.entries(formats)) {
  blockDeviceConformance(name, { make: async (size) => createOverlayLayer(await make(size)) });

  describe(`${name} by itself`, () => {
    it('reads any range, says what is allocated, and refuses calls after it was closed', async () => {
      const device = await make(1_049_088);
      const bytes = new Uint8Array(70_000).fill(1);
      const kinds: string[] = [];
      await device.read(65_000, bytes, { onChunk: ({ type, length }) => void kinds.push(`${type} ${length}`) });
      expect(bytes.every((byte) => byte === 0)).toBe(true);
      const [answer] = await device.blockStatus(0, 1_049_088);
      expect(answer?.extents.at(0)?.offset).toBe(0n);
      await device.close();
      await device.close();
      await expect((async () => await device.read(0, bytes))()).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    });
  });
}

describe('an image', () => {
  it.each(['vmdk', 'vhd', 'vhdx', 'zstd'])('of %s refuses to be changed', async (name) => {
    const device = (await formats[name]?.(1_049_088)) as BlockDevice;
    const readOnly = { code: 'ERR_NBD_READ_ONLY' };
    expect(device.abilities.readOnly).toBe(true);
    await expect((async () => await device.write(0, new Uint8Array(1)))()).rejects.toMatchObject(readOnly);
    await expect((async () => await device.trim(0, 1))()).rejects.toMatchObject(readOnly);
    await expect((async () => await device.writeZeroes(0, 1))()).rejects.toMatchObject(readOnly);
    await device.close();
  });
});
