/** Archives that tar makes, read by us. */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createWorkspace, describePeers } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { listTarMembers, openTarMember } from '../src/archives/index.ts';
import { nodeCodecs } from '../src/node/index.ts';
import { openVmdk } from '../src/vmdk/index.ts';
import { expectSame, makeDisk, openAt, readWhole, succeed } from './support/peer-images.ts';

const longName = `a-${'very-'.repeat(40)}long-name/${'deep/'.repeat(10)}disk.raw`;

describePeers('archives', ['tar', 'qemu-img'], (generation) => {
  it.each(['ustar', 'gnu', 'oldgnu', 'pax', 'v7'])('of the format %s have their members', async (format) => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    writeFileSync(workspace.hostPath('vm.ovf'), '<Envelope/>');
    mkdirSync(workspace.hostPath('empty'));
    const names = ['vm.ovf', 'disk.raw', 'empty'];
    // Only these two keep names of any length.
    const isLong = format === 'gnu' || format === 'pax';
    if (isLong) {
      mkdirSync(workspace.hostPath(longName.replace(/\/[^/]*$/, '')), { recursive: true });
      writeFileSync(workspace.hostPath(longName), 'long');
      names.push(longName);
    }
    await succeed(workspace, 'tar', ['-C', '@', `--format=${format}`, '-cf', '@vm.ova', ...names]);
    const archive = await openAt(workspace, 'vm.ova');
    const members = await listTarMembers(archive);
    expect(members.map(({ name, kind }) => [name.replace(/\/$/, ''), kind])).toEqual([
      ['vm.ovf', 'file'],
      ['disk.raw', 'file'],
      ['empty', 'directory'],
      ...(isLong ? [[longName, 'file']] : []),
    ]);
    await expectSame(await openTarMember(archive, './disk.raw'), workspace);
    if (isLong) expect((await readWhole(await openTarMember(archive, longName))).toString()).toBe('long');
    await archive.close();
  });

  it('with a compressed VMDK in it are an OVA, whose disk can be opened', async () => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    const convert = ['convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', '@disk.raw', '@vm-disk1.vmdk'];
    await succeed(workspace, 'qemu-img', convert);
    await succeed(workspace, 'tar', ['-C', '@', '--format=ustar', '-cf', '@vm.ova', 'vm-disk1.vmdk']);
    const member = await openTarMember(await openAt(workspace, 'vm.ova'), 'vm-disk1.vmdk');
    const disk = await openVmdk(member, { codecs: nodeCodecs });
    await expectSame(disk, workspace);
    await disk.close();
  });

  it.each(['gnu', 'pax'])('with sparse members (%s) list them, and refuse to open them', async (format) => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    writeFileSync(workspace.hostPath('after'), 'after');
    const args = ['-C', '@', '--sparse', `--format=${format}`, '-cf', '@s.tar', 'disk.raw', 'after'];
    await succeed(workspace, 'tar', args);
    const archive = await openAt(workspace, 's.tar');
    const members = await listTarMembers(archive);
    expect(members.map(({ kind }) => kind)).toEqual(['sparse', 'file']);
    const [sparse] = members;
    await expect(openTarMember(archive, sparse?.name ?? '')).rejects.toThrow(/is a sparse file/);
    expect((await readWhole(await openTarMember(archive, 'after'))).toString()).toBe('after');
    await archive.close();
  });

  it('that were cut off say where', async () => {
    await using workspace = createWorkspace(generation);
    makeDisk(workspace);
    await succeed(workspace, 'tar', ['-C', '@', '-cf', '@cut.tar', 'disk.raw']);
    truncateSync(workspace.hostPath('cut.tar'), 5_000_000);
    const archive = await openAt(workspace, 'cut.tar');
    await expect(listTarMembers(archive)).rejects.toThrow(/'disk.raw' at byte 0: it ends at byte \d+, and the archive/);
    expect(readFileSync(workspace.hostPath('cut.tar')).length).toBe(5_000_000);
    await archive.close();
  });
});
