/** VMDKs that QEMU makes, read by us. */
import { createWorkspace, describePeers } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nodeCodecs } from '../src/node/index.ts';
import { openVmdk } from '../src/vmdk/index.ts';
import {
  dataRanges,
  expectSame,
  makeDisk,
  openAt,
  peerDataRanges,
  resolverAt,
  succeed,
} from './support/peer-images.ts';

const subformats = [
  'monolithicSparse',
  'monolithicFlat',
  'twoGbMaxExtentSparse',
  'twoGbMaxExtentFlat',
  'streamOptimized',
] as const;

describePeers('VMDK', ['qemu-img', 'qemu-io'], (generation) => {
  it.each(subformats)('of the subformat %s has the same bytes, and its holes', async (subformat) => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    const options = ['-o', `subformat=${subformat}`];
    await succeed(workspace, 'qemu-img', ['convert', '-O', 'vmdk', ...options, '@disk.raw', '@disk.vmdk']);
    const device = await openVmdk(await openAt(workspace, 'disk.vmdk'), {
      codecs: nodeCodecs,
      resolve: resolverAt(workspace),
      name: 'disk.vmdk',
    });
    expect(device.image).toMatchObject({ format: 'vmdk', version: subformat });
    await expectSame(device, workspace);
    const data = await dataRanges(device);
    // What a flat extent has for holes is what the system keeps of them.
    if (!subformat.endsWith('Flat')) expect(data).toEqual(await peerDataRanges(workspace, 'disk.vmdk', 'vmdk'));
    await device.close();
  });

  it('in two pieces of 2 GiB is read across their border', async () => {
    await using workspace = createWorkspace(generation);
    for (const subformat of ['twoGbMaxExtentSparse', 'twoGbMaxExtentFlat']) {
      const options = ['-o', `subformat=${subformat}`, '@big.vmdk', '4G'];
      await succeed(workspace, 'qemu-img', ['create', '-q', '-f', 'vmdk', ...options]);
      const writes = ['-c', 'write -P 7 2147418112 131072', '-c', 'write -P 9 4294901760 65536'];
      await succeed(workspace, 'qemu-io', ['-f', 'vmdk', ...writes, '@big.vmdk']);
      const device = await openVmdk(await openAt(workspace, 'big.vmdk'), { resolve: resolverAt(workspace) });
      const bytes = new Uint8Array(131_072 + 1024);
      await device.read(2_147_418_112 - 512, bytes);
      expect(bytes.subarray(512, -512).every((byte) => byte === 7)).toBe(true);
      expect(bytes.subarray(0, 512).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(-512).every((byte) => byte === 0)).toBe(true);
      await device.read(4_294_901_760, bytes.subarray(0, 65_536));
      expect(bytes.subarray(0, 65_536).every((byte) => byte === 9)).toBe(true);
      await device.close();
    }
  });

  it('over a parent has the parent below it, and refuses a parent that was changed', async () => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    await succeed(workspace, 'qemu-img', ['convert', '-O', 'vmdk', '@disk.raw', '@base.vmdk']);
    const over = ['-b', workspace.peerPath('base.vmdk'), '-F', 'vmdk', '@top.vmdk'];
    await succeed(workspace, 'qemu-img', ['create', '-q', '-f', 'vmdk', ...over]);
    await succeed(workspace, 'qemu-io', ['-f', 'vmdk', '-c', 'write -P 5 4300000 70000', '@top.vmdk']);
    await succeed(workspace, 'qemu-img', ['convert', '-O', 'raw', '@top.vmdk', '@top.raw']);
    const resolve = resolverAt(workspace, (file) => openVmdk(file));
    const device = await openVmdk(await openAt(workspace, 'top.vmdk'), { resolve });
    await expectSame(device, workspace, 'top.raw');
    expect(device.image.backing).toMatchObject({ format: 'vmdk' });
    await device.close();
    const alone = await openAt(workspace, 'top.vmdk');
    await expect(openVmdk(alone)).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
    // A write by itself gives the parent another content id.
    await succeed(workspace, 'qemu-io', ['-f', 'vmdk', '-c', 'write 0 512', '@base.vmdk']);
    await expect(openVmdk(alone, { resolve })).rejects.toThrow(/content id is/);
    await alone.close();
  });
});
