/**
 * `nbd commit` and `nbd rebase`.
 *
 * @module-tag slow
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describePeers, makeRawImage } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { failure, succeed } from './harness.ts';
import { inWorkspace, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const mebi = 2 ** 20;
const path = (name: string): string => workspace.hostPath(name);
const peerPath = (name: string): string => workspace.peerPath(name);

/** The content of a disk, as QEMU reads it. */
async function disk(name: string, format = 'qcow2'): Promise<Buffer> {
  await peer('qemu-img', 'convert', '-f', format, '-O', 'raw', peerPath(name), peerPath('read'));
  return readFileSync(path('read'));
}

/** `top.qcow2` over `between.qcow2` over `base.raw`, each with something of its own. */
async function makeChain(): Promise<Buffer> {
  makeRawImage(path('base.raw'), 4 * mebi, [{ offset: 65_536, length: 2 * mebi }], 1);
  for (const [name, below, format, size] of [
    ['between.qcow2', 'base.raw', 'raw', '4M'],
    ['top.qcow2', 'between.qcow2', 'qcow2', '5M'],
  ] as const) {
    await peer('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', below, '-F', format, peerPath(name), size);
    const commands = [`write -P ${name.length} 1M 200k`, `write -z ${name.length * 64}k 64k`, 'write -P 9 3M 4k'];
    await peer('qemu-io', '-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), peerPath(name));
  }
  return disk('top.qcow2');
}

async function infoOf(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await peer('qemu-img', 'info', '-f', 'qcow2', '--output=json', peerPath(name)));
}

describePeers('nbd commit and nbd rebase', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it('commit into the image right below, and empty the image', async () => {
    const before = await makeChain();
    expect(await succeed('commit', path('top.qcow2'))).toMatch(
      /^.*between\.qcow2: 320 KiB copied and 64.0 KiB zeroed; .*top\.qcow2 is empty now\n$/,
    );
    expect((await disk('between.qcow2')).equals(before)).toBe(true);
    expect((await disk('top.qcow2')).equals(before)).toBe(true);
    expect(await succeed('map', '--format', 'qcow2', path('top.qcow2'))).toBeDefined();
    for (const name of ['between.qcow2', 'top.qcow2']) await peer('qemu-img', 'check', '-q', peerPath(name));
  });

  it('commit into one further below, which grows, and leave the image as it is', async () => {
    const before = await makeChain();
    const image = readFileSync(path('top.qcow2'));
    expect(await succeed('commit', '--base', path('base.raw'), path('top.qcow2'))).toMatch(
      /top\.qcow2 is as before\n$/,
    );
    expect(readFileSync(path('base.raw')).equals(before)).toBe(true);
    expect(readFileSync(path('top.qcow2')).equals(image)).toBe(true);
    expect(await succeed('commit', '--quiet', '--keep', path('top.qcow2'))).toBe('');
    expect((await disk('between.qcow2')).equals(before)).toBe(true);
  });

  it('rebase with the same content, over another image, over none, and by name alone', async () => {
    const before = await makeChain();
    makeRawImage(path('other.raw'), 3 * mebi, [{ offset: mebi, length: mebi }], 2);
    expect(await succeed('rebase', '--backing', 'other.raw', path('top.qcow2'))).toMatch(
      /over other\.raw; \d.* written\n$/,
    );
    expect(await infoOf('top.qcow2')).toMatchObject({
      'backing-filename': 'other.raw',
      'backing-filename-format': 'raw',
    });
    expect((await disk('top.qcow2')).equals(before)).toBe(true);
    copyFileSync(path('other.raw'), path('moved'));
    expect(await succeed('rebase', '-u', '-b', 'moved', '-F', 'raw', path('top.qcow2'))).toMatch(
      /nothing was compared\n$/,
    );
    expect((await disk('top.qcow2')).equals(before)).toBe(true);
    await succeed('rebase', '--quiet', '--backing', '', path('top.qcow2'));
    expect(await infoOf('top.qcow2')).not.toHaveProperty('backing-filename');
    expect((await disk('top.qcow2')).equals(before)).toBe(true);
    await peer('qemu-img', 'check', '-q', peerPath('top.qcow2'));
  });

  it('refuse in one line what would lose something, or is not possible', async () => {
    await makeChain();
    const top = path('top.qcow2');
    expect(await failure('commit', '--base', path('top.qcow2'), top)).toMatch(/top\.qcow2: it is not over /);
    expect(await failure('commit', path('base.raw'))).toMatch(/not a qcow2 image by its name and its content\n$/);
    copyFileSync(top, path('image'));
    expect(await failure('commit', path('image'))).toMatch(/; --format qcow2 says that it is\n$/);
    expect(await failure('commit', '--references', 'deny', top)).toMatch(/--references is deny\n$/);
    expect(await failure('rebase', '--backing', 'top.qcow2', top)).toMatch(/it would be over itself/);
    await peer('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'top.qcow2', '-F', 'qcow2', peerPath('upper.qcow2'));
    expect(await failure('rebase', '--backing', 'upper.qcow2', top)).toMatch(/it would be over itself, by .* -> /);
    expect(await failure('rebase', '--backing', 'missing.raw', top)).toMatch(/^nbd: .*missing\.raw: no such file/i);
    expect(await failure('rebase', top)).toMatch(/--backing/);
    await peer('qemu-img', 'snapshot', '-c', 'one', peerPath('top.qcow2'));
    expect(await failure('commit', top)).toMatch(/it has snapshots, which would read something else/);
    expect(await failure('rebase', '--backing', 'base.raw', top)).toMatch(/the image has snapshots/);
    await succeed('rebase', '--quiet', '--backing', '', '--unsafe', top);
    expect(await failure('commit', top)).toMatch(/it is over no other image\n$/);
    writeFileSync(path('vm.vmdk'), '');
    await peer('qemu-img', 'create', '-q', '-f', 'vmdk', peerPath('vm.vmdk'), '1M');
    await peer('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'vm.vmdk', '-F', 'vmdk', peerPath('over.qcow2'));
    expect(await failure('commit', path('over.qcow2'))).toMatch(/it is vmdk, which can only be read here\n$/);
  });
});
