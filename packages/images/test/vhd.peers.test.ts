/** VHDs and VHDXs that QEMU makes, read by us. */
import { truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { openVhd } from '../src/vhd/index.ts';
import { openVhdx } from '../src/vhdx/index.ts';
import { dataRanges, diskBytes, expectSame, makeDisk, openAt, peerDataRanges, succeed } from './support/peer-images.ts';

async function convert(workspace: Workspace, format: string, options: string): Promise<void> {
  makeDisk(workspace);
  const args = ['convert', '-O', format, '-o', options, '@disk.raw', '@disk.image'];
  await succeed(workspace, 'qemu-img', args);
}

describePeers('VHD', ['qemu-img', 'qemu-io'], (generation) => {
  it.each(['subformat=dynamic', 'subformat=fixed', 'subformat=dynamic,force_size=on', 'subformat=fixed,force_size=on'])(
    'with %s has the same bytes and size, and its holes',
    async (options) => {
      await using workspace = createWorkspace(generation);
      await convert(workspace, 'vpc', options);
      const device = await openVhd(await openAt(workspace, 'disk.image'));
      const text = await succeed(workspace, 'qemu-img', ['info', '--output=json', '-f', 'vpc', '@disk.image']);
      const { 'virtual-size': size } = JSON.parse(text) as { 'virtual-size': number };
      expect(device.geometry.size).toBe(BigInt(size));
      if (options.includes('force_size')) expect(size).toBe(diskBytes);
      expect(device.image.version).toBe(options.includes('fixed') ? 'fixed' : 'dynamic');
      await expectSame(device, workspace);
      if (options.includes('dynamic')) {
        expect(await dataRanges(device)).toEqual(await peerDataRanges(workspace, 'disk.image', 'vpc'));
      }
      await device.close();
    },
  );

  it('whose footer is damaged is read by the copy at its start', async () => {
    await using workspace = createWorkspace(generation);
    await convert(workspace, 'vpc', 'subformat=dynamic,force_size=on');
    const path = workspace.hostPath('disk.image');
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    await file.write(new Uint8Array(16).fill(0xff), 0, 16, size - 500);
    await file.close();
    const device = await openVhd(await openAt(workspace, 'disk.image'));
    await expectSame(device, workspace);
    await device.close();
  });
});

describePeers('VHDX', ['qemu-img', 'qemu-io'], (generation) => {
  it.each([
    'subformat=dynamic',
    'subformat=fixed',
    'subformat=dynamic,block_size=1M',
    'subformat=dynamic,block_size=256M',
    'subformat=dynamic,block_size=2M,block_state_zero=off',
  ])('with %s has the same bytes, and its holes', async (options) => {
    await using workspace = createWorkspace(generation);
    await convert(workspace, 'vhdx', options);
    const device = await openVhdx(await openAt(workspace, 'disk.image'));
    expect(device.image).toMatchObject({ format: 'vhdx', flags: [] });
    expect(device.geometry.size).toBe(BigInt(diskBytes));
    await expectSame(device, workspace);
    // QEMU itself says of every VHDX that all of it is data.
    if (options.includes('block_size=1M')) {
      expect(await dataRanges(device)).toEqual([
        { offset: 0, length: 2 * 2 ** 20 },
        { offset: 3 * 2 ** 20, length: 4 * 2 ** 20 },
        { offset: 8 * 2 ** 20, length: 2 ** 20 + 512 },
      ]);
    }
    await device.close();
  });

  it('of 1 TiB opens without reading its table, and has its far end', async () => {
    await using workspace = createWorkspace(generation);
    await succeed(workspace, 'qemu-img', ['create', '-q', '-f', 'vhdx', '-o', 'block_size=1M', '@big.vhdx', '1T']);
    const end = 2 ** 40 - 65_536;
    await succeed(workspace, 'qemu-io', ['-f', 'vhdx', '-c', `write -P 3 ${end} 65536`, '@big.vhdx']);
    const device = await openVhdx(await openAt(workspace, 'big.vhdx'));
    const bytes = new Uint8Array(131_072);
    await device.read(end - 65_536, bytes);
    expect(bytes.subarray(0, 65_536).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(65_536).every((byte) => byte === 3)).toBe(true);
    await device.close();
  });

  it('that was cut off, or is another file, is refused in words', async () => {
    await using workspace = createWorkspace(generation);
    await convert(workspace, 'vhdx', 'subformat=dynamic');
    truncateSync(workspace.hostPath('disk.image'), 2 ** 20);
    const cut = await openAt(workspace, 'disk.image');
    await expect(openVhdx(cut)).rejects.toMatchObject({ code: 'ERR_NBD_IMAGE' });
    writeFileSync(workspace.hostPath('other'), new Uint8Array(4 * 2 ** 20).fill(1));
    const other = await openAt(workspace, 'other');
    await expect(openVhdx(other)).rejects.toThrow(/does not begin with 'vhdxfile'/);
    await expect(openVhd(other)).rejects.toThrow(/does not begin with conectix/);
    await cut.close();
    await other.close();
  });
});
