/** Copies of disk images that are compared, divided, interrupted. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describePeers, makeRawImage, runPeer } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const mebi = 2 ** 20;
const path = (name: string): string => workspace.hostPath(name);

/** A chain of two: most of the disk is in the lower one. */
async function makeChain(): Promise<Buffer> {
  makeRawImage(path('disk.raw'), 64 * mebi, [{ offset: 0, length: 40 * mebi }]);
  await peer('qemu-img', 'convert', '-O', 'qcow2', workspace.peerPath('disk.raw'), workspace.peerPath('base.qcow2'));
  await peer(
    'qemu-img',
    'create',
    '-q',
    '-f',
    'qcow2',
    '-b',
    'base.qcow2',
    '-F',
    'qcow2',
    workspace.peerPath('top.qcow2'),
  );
  await peer('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 50M 1M', workspace.peerPath('top.qcow2'));
  await peer('qemu-img', 'convert', '-O', 'raw', workspace.peerPath('top.qcow2'), workspace.peerPath('top.raw'));
  return readFileSync(path('top.raw'));
}

/** A copy that is interrupted when a part of the destination is there. */
async function interrupted(...words: readonly string[]): Promise<void> {
  const abort = new AbortController();
  const timer = setInterval(() => {
    const { blocks = 0 } = statSync(path('out.img'), { throwIfNoEntry: false }) ?? {};
    if (blocks * 512 > mebi) abort.abort(new Error('it is interrupted'));
  }, 1);
  const slowly = ['--synchronous', '--request-size', '4k', '--no-extents'];
  expect((await nbdWith({ signal: abort.signal }, ...words, ...slowly)).code).toBe(1);
  clearInterval(timer);
  expect(existsSync(path('checkpoint'))).toBe(true);
}

describePeers('copies of images', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it('are compared, and divided among threads', { tags: ['slow'] }, async () => {
    const disk = await makeChain();
    const words = ['copy', '--quiet', '--verify', '--threads', '2', path('top.qcow2'), path('out.img')];
    expect(await nbd(...words)).toMatchObject({ code: 0, stderr: '' });
    expect(Buffer.compare(readFileSync(path('out.img')), disk)).toBe(0);
    await peer('gzip', '-1', '-k', workspace.peerPath('top.raw'));
    const divided = await nbd('copy', '--threads', '2', path('top.raw.gz'), 'null:');
    expect(divided.stderr).toContain('each thread would decompress it for itself');
    // The source is still what it was when the copy began: a comparison reads it again.
    writeFileSync(path('out.img'), Buffer.alloc(64 * mebi, 1));
    expect((await nbd('copy', '--quiet', '--verify', path('top.raw.gz'), path('out.img'))).code).toBe(0);
  });

  it('go on from a checkpoint, and not when the image, or one below it, has changed', { tags: ['slow'] }, async () => {
    await makeChain();
    const checkpoint = ['--checkpoint', path('checkpoint')];
    const files = [path('top.qcow2'), path('out.img')];
    await interrupted('copy', ...checkpoint, ...files);
    const again = (...words: readonly string[]) => nbd('copy', ...checkpoint, ...words, ...files);
    expect((await again('--format', 'raw')).stderr).toMatch(
      /cannot go on from the checkpoint .*: the source was .*qcow2/,
    );
    const before = readFileSync(path('base.qcow2'));
    writeFileSync(path('base.qcow2'), before);
    expect((await again()).stderr).toContain('cannot go on from the checkpoint');
    writeFileSync(
      path('checkpoint'),
      readFileSync(path('checkpoint'), 'utf8').replace(/"file": "[^"]*"/, '"file": "1:1"'),
    );
    expect((await again()).stderr).toContain('is another file of the same name');
  });

  it('go on from a checkpoint where nothing has changed', { tags: ['slow'] }, async () => {
    const disk = await makeChain();
    const words = ['copy', '--checkpoint', path('checkpoint'), path('top.qcow2'), path('out.img')];
    await interrupted(...words);
    const { code, stderr } = await nbd(...words, '--verbose');
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/going on from byte [1-9]/) });
    expect(Buffer.compare(readFileSync(path('out.img')), disk)).toBe(0);
    expect(existsSync(path('checkpoint'))).toBe(false);
  });
});

describePeers('copies to images', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it('leave nothing behind when they fail, and keep what was there', async () => {
    makeRawImage(path('disk.raw'), 64 * mebi, [{ offset: 0, length: 64 * mebi }]);
    writeFileSync(path('made.vmdk'), 'what was there');
    const abort = new AbortController();
    const timer = setInterval(() => {
      if (readdirSync(path('.')).some((name) => name.endsWith('.part'))) abort.abort(new Error('it is interrupted'));
    }, 1);
    const { code } = await nbdWith({ signal: abort.signal }, 'copy', path('disk.raw'), path('made.vmdk'));
    clearInterval(timer);
    expect(code).toBe(1);
    expect(readdirSync(path('.')).sort()).toEqual(['disk.raw', 'made.vmdk']);
    expect(readFileSync(path('made.vmdk'), 'utf8')).toBe('what was there');
  });

  it('do not overwrite the files of their source', async () => {
    await makeChain();
    const digests = () =>
      ['top.qcow2', 'base.qcow2'].map((name) =>
        createHash('sha256')
          .update(readFileSync(path(name)))
          .digest('hex'),
      );
    const before = digests();
    for (const words of [
      ['--destination-format', 'raw', path('top.qcow2')],
      ['--destination-format', 'raw', path('base.qcow2')],
      ['--destination-format', 'vhd', path('base.qcow2')],
    ]) {
      const { code, stderr } = await nbd('copy', path('top.qcow2'), ...words);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('is a file of the source') });
    }
    expect(digests()).toEqual(before);
  });
});

describePeers('partitions of servers', ['qemu-img', 'sfdisk'], (generation) => {
  inWorkspace(generation);

  it('are copied, dumped and served again', async () => {
    makeRawImage(path('disk.raw'), 8 * mebi, [{ offset: 2 * mebi, length: mebi }]);
    const table = Buffer.from('label: gpt\nstart=2048,size=2048,name=boot\nstart=4096,size=4096,name=root\n');
    const { code } = await runPeer('sfdisk', generation, ['-q', workspace.peerPath('disk.raw')], { stdin: table });
    expect(code).toBe(0);
    const root = readFileSync(path('disk.raw')).subarray(2 * mebi, 4 * mebi);
    await serve(path('disk.raw'));
    const uri = `nbd+unix:///?socket=${workspace.socketPath('s0')}`;
    expect(await nbd('copy', '--quiet', '--partition', 'root', uri, path('root.img'))).toMatchObject({ code: 0 });
    expect(Buffer.compare(readFileSync(path('root.img')), root)).toBe(0);
    const lines = (await nbd('dump', '--partition', '2', '-n', '16', uri)).stdout;
    expect(lines).toBe((await nbd('dump', '-n', '16', path('root.img'))).stdout);
    await serve('--partition', 'root', uri);
    const again = `nbd+unix:///?socket=${workspace.socketPath('s1')}`;
    expect((await nbd('info', '--size', again)).stdout).toBe(`${2 * mebi}\n`);
    for (const words of [
      ['copy', '--format', 'raw', uri, 'null:'],
      ['serve', '--snapshot-name', 'x', 'memory:1M'],
      ['dump', '--references', 'all', uri],
      ['info', '--partition', '1', uri],
      ['copy', '--partition', '1', '-', 'null:'],
      ['copy', '--partition', '5', uri, 'null:'],
    ]) {
      const { code, stderr } = await nbd(...words);
      expect({ words, code, lines: stderr.trimEnd().split('\n').length }).toEqual({ words, code: 1, lines: 1 });
      expect(stderr).toMatch(/is about files|--partition|there is no partition 5/);
    }
  });
});
