/** Disk images in the tools: served, copied, shown. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describePeers, makeRawImage, runPeer } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { failure, nbd } from './harness.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const mebi = 2 ** 20;

function path(name: string): string {
  return workspace.hostPath(name);
}

/** Runs qemu-img; words that begin with `@` are files of the workspace. */
function qemuImg(...words: readonly string[]): Promise<string> {
  return peer('qemu-img', ...words.map((word) => word.replace(/@(\S+)/, (_, name) => workspace.peerPath(name))));
}

/** A raw disk with some data, and what it holds. */
function makeDisk(name = 'disk.raw', seed = 1): Buffer {
  makeRawImage(
    path(name),
    6 * mebi,
    [
      { offset: 65_536, length: 200_000 },
      { offset: 3 * mebi, length: mebi },
    ],
    seed,
  );
  return readFileSync(path(name));
}

/** The URI of the only server, as this process sees it. */
function ownUri(): string {
  return `nbd+unix:///?socket=${workspace.socketPath('s0')}`;
}

async function copied(...words: readonly string[]): Promise<Buffer> {
  expect(await nbd('copy', '--quiet', ...words, path('out.img'))).toMatchObject({ code: 0, stderr: '' });
  return readFileSync(path('out.img'));
}

describePeers('disk images', ['qemu-img', 'qemu-io', 'nbdinfo', 'nbdcopy', 'sfdisk'], (generation) => {
  inWorkspace(generation);

  it.each([
    ['qcow2', 'qcow2', []],
    ['vmdk', 'vmdk', []],
    ['vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
    ['vmdk', 'vmdk', ['-o', 'subformat=twoGbMaxExtentSparse']],
    ['vhd', 'vpc', ['-o', 'force_size=on']],
    ['vhdx', 'vhdx', []],
  ])('are served, copied and shown: .%s (%s %j)', async (extension, format, options) => {
    const disk = makeDisk();
    const image = `disk.${extension}`;
    await qemuImg('convert', '-f', 'raw', '-O', format, ...options, '@disk.raw', `@${image}`);
    expect(Buffer.compare(await copied(path(image)), disk)).toBe(0);
    const uri = await serve(path(image));
    await peer('nbdcopy', uri(), workspace.peerPath('peer.img'));
    expect(Buffer.compare(readFileSync(path('peer.img')), disk)).toBe(0);
    expect(await peer('nbdinfo', '--size', uri())).toBe(`${6 * mebi}\n`);
    expect((await nbd('info', '--json', path(image))).stdout).toContain(`"virtual-size": ${6 * mebi}`);
    expect(await nbd('info', '--size', path(image))).toMatchObject({ code: 0, stdout: `${6 * mebi}\n` });
    // Only qcow2 is written in place.
    const said = (await endLast())?.stderr ?? '';
    expect(said.includes('for reading only')).toBe(format !== 'qcow2');
  });

  it('show their contexts to clients, with all threads', { tags: ['slow'] }, async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', '@base.qcow2', '4M');
    await peer('qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 1M', workspace.peerPath('base.qcow2'));
    await qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', '@top.qcow2');
    await qemuImg('bitmap', '--add', '@top.qcow2', 'changed');
    await peer('qemu-io', '-f', 'qcow2', '-c', 'write -P 2 2M 64k', workspace.peerPath('top.qcow2'));
    for (const words of [[], ['--read-only', '--threads', '2']]) {
      const uri = await serve(...words, path('top.qcow2'));
      const contexts = ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:changed'];
      for (const context of contexts) expect(await peer('nbdinfo', uri())).toContain(context);
      const depths = JSON.parse(await peer('nbdinfo', '--json', '--map=qemu:allocation-depth', uri()));
      expect(depths.map(({ length, type }: { length: number; type: number }) => [length, type])).toEqual([
        [mebi, 2],
        [mebi, 0],
        [65_536, 1],
        [4 * mebi - 2 * mebi - 65_536, 0],
      ]);
      const dirty = await nbd('info', '--map=qemu:dirty-bitmap:changed', '--json', ownUri());
      expect(JSON.parse(dirty.stdout)).toMatchObject([{ type: 0 }, { offset: 2 * mebi, length: 65_536, type: 1 }, {}]);
      await endLast();
    }
    const own = await nbd('info', '--map=qemu:allocation-depth', '--totals', path('top.qcow2'));
    expect(own.stdout).toMatch(/1048576 +25\.0% +2 +backing depth 2/);
  });

  it('are found in archives, compressed files and partitions', { tags: ['slow'] }, async () => {
    makeRawImage(path('disk.raw'), 6 * mebi, [{ offset: 2 * mebi, length: mebi }], 3);
    const table = 'label: gpt\nstart=2048,size=2048,name=boot\nname="my root"\n';
    const { code } = await runPeer('sfdisk', generation, ['-q', workspace.peerPath('disk.raw')], {
      stdin: Buffer.from(table),
    });
    expect(code).toBe(0);
    const disk = readFileSync(path('disk.raw'));
    const root = disk.subarray(2 * mebi, 6 * mebi - mebi);
    await qemuImg('convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', '@disk.raw', '@vm-disk1.vmdk');
    writeFileSync(path('vm.ovf'), '<Envelope/>');
    await peer('tar', '-C', workspace.peerPath('.'), '-cf', workspace.peerPath('vm.ova'), 'vm.ovf', 'vm-disk1.vmdk');
    for (const member of ['disk1', 'vm-disk1', 'vm-disk1.vmdk', './vm-disk1.vmdk']) {
      const own = await copied('--partition', 'my root', `${path('vm.ova')}#${member}`);
      expect(Buffer.compare(own.subarray(0, root.length), root)).toBe(0);
    }
    for (const [program, extension] of [
      ['gzip', 'gz'],
      ['xz', 'xz'],
      ['zstd', 'zst'],
    ] as const) {
      await peer(program, '-k', '-q', workspace.peerPath('vm.ova'));
      expect(Buffer.compare(await copied(`${path(`vm.ova.${extension}`)}#disk1`), disk)).toBe(0);
      expect((await nbd('info', path(`vm.ova.${extension}`))).stdout).toMatch(/^\d+ +file +vm-disk1\.vmdk$/m);
    }
    const uri = await serve('--partition', '2', `${path('vm.ova')}#disk1`, path('disk.raw'));
    expect(await peer('nbdinfo', '--size', uri('disk.raw'))).toBe(
      await peer('nbdinfo', '--size', uri('vm.ova%23disk1')),
    );
    const shown = await nbd('info', `${path('vm.ova')}#disk1`);
    expect(shown.stdout).toMatch(/Partition table: gpt\nNUMBER .*\n +1 .* boot\n +2 .* my root\n/);
    expect(await failure('copy', `${path('vm.ova')}#disk2`, 'null:')).toContain('its files are vm.ovf, vm-disk1.vmdk');
    expect(await failure('copy', '--partition', 'none', path('disk.raw'), 'null:')).toContain("1 'boot', 2 'my root'");
  });

  it('have snapshots', async () => {
    const disk = makeDisk();
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '@disk.raw', '@disk.qcow2');
    await qemuImg('snapshot', '-c', 'before', '@disk.qcow2');
    await peer('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 1M', workspace.peerPath('disk.qcow2'));
    expect(Buffer.compare(await copied('--snapshot-name', 'before', path('disk.qcow2')), disk)).toBe(0);
    expect(Buffer.compare(await copied(path('disk.qcow2')), disk)).not.toBe(0);
    const none = await failure('info', '--snapshot-name', 'after', '--size', path('disk.qcow2'));
    expect(none).toContain("no snapshot 'after'; it has 'before'");
    expect((await nbd('info', path('disk.qcow2'))).stdout).toMatch(/Snapshot list:\nID +TAG .*\n1 +before /);
    const raw = await failure('copy', '--snapshot-name', 'before', '--format', 'raw', path('disk.qcow2'), 'null:');
    expect(raw).toContain('--snapshot-name');
  });

  it.each([
    ['vmdk', 'vmdk'],
    ['vhd', 'vpc'],
  ])('are written as .%s, and read by QEMU', async (extension, format) => {
    const disk = makeDisk();
    await serve(path('disk.raw'));
    const image = `made.${extension}`;
    expect(await nbd('copy', '--quiet', '--verify', ownUri(), path(image))).toMatchObject({ code: 0, stderr: '' });
    await qemuImg('convert', '-f', format, '-O', 'raw', `@${image}`, '@back.raw');
    const back = readFileSync(path('back.raw'));
    expect(Buffer.compare(back.subarray(0, disk.length), disk)).toBe(0);
    expect(back.subarray(disk.length).every((byte) => byte === 0)).toBe(true);
  });
});
