/** Images that we write, read by QEMU. */
import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nodeCodecs } from '../src/node/index.ts';
import { openVhd, writeVhdStream } from '../src/vhd/index.ts';
import { openVmdk, writeVmdkStream } from '../src/vmdk/index.ts';
import { diskBytes, expectSame, makeDisk, openAt, succeed } from './support/peer-images.ts';

async function save(workspace: Workspace, name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(workspace.hostPath(name)));
}

/** QEMU finds the image right, of the same size, and with the same bytes. */
async function expectPeerAgrees(workspace: Workspace, name: string, format: string, size: number): Promise<void> {
  const text = await succeed(workspace, 'qemu-img', ['info', '--output=json', '-f', format, `@${name}`]);
  expect(JSON.parse(text)).toMatchObject({ 'virtual-size': size });
  // The VHD driver cannot check.
  if (format === 'vmdk') await succeed(workspace, 'qemu-img', ['check', '-f', format, `@${name}`]);
  await succeed(workspace, 'qemu-img', ['compare', '-f', 'raw', '-F', format, '@disk.raw', `@${name}`]);
  await succeed(workspace, 'qemu-img', ['convert', '-f', format, '-O', 'raw', `@${name}`, '@again.raw']);
  const again = readFileSync(workspace.hostPath('again.raw'));
  expect(Buffer.compare(again, readFileSync(workspace.hostPath('disk.raw')))).toBe(0);
}

describePeers('what we write', ['qemu-img'], (generation) => {
  it.each([0, 512, 65_536, diskBytes, 70 * 2 ** 20])(
    'as a VMDK of %i bytes is read by QEMU and by us',
    async (size) => {
      await using workspace = createWorkspace(generation);
      makeDisk(workspace, 'disk.raw', 1, size);
      const disk = await openAt(workspace, 'disk.raw');
      await save(workspace, 'disk.vmdk', writeVmdkStream(disk, { codecs: nodeCodecs, name: 'disk.vmdk' }));
      if (size > 0) await expectPeerAgrees(workspace, 'disk.vmdk', 'vmdk', size);
      const device = await openVmdk(await openAt(workspace, 'disk.vmdk'), { codecs: nodeCodecs });
      expect(device.image).toMatchObject({ version: 'streamOptimized', virtualBytes: BigInt(size) });
      await expectSame(device, workspace);
      await device.close();
      await disk.close();
    },
  );

  it.each([512, 65_536, diskBytes, 70 * 2 ** 20])('as a VHD of %i bytes is read by QEMU and by us', async (size) => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace, 'disk.raw', 1, size);
    const disk = await openAt(workspace, 'disk.raw');
    await save(workspace, 'disk.vhd', writeVhdStream(disk, { id: new Uint8Array(16).fill(7) }));
    await expectPeerAgrees(workspace, 'disk.vhd', 'vpc', size);
    const device = await openVhd(await openAt(workspace, 'disk.vhd'));
    expect(device.image).toMatchObject({ version: 'dynamic', virtualBytes: BigInt(size) });
    await expectSame(device, workspace);
    await device.close();
    await disk.close();
  });
});
