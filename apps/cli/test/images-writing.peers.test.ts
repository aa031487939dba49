/** qcow2 images in the tools: created, served for writing, written by copies, checked. */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { describePeers, makeRawImage, runPeer } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { failure, nbd, succeed } from './harness.ts';
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

function makeDisk(name = 'disk.raw', seed = 1): Buffer {
  const areas = [
    { offset: 65_536, length: 200_000 },
    { offset: 3 * mebi, length: mebi },
  ];
  makeRawImage(path(name), 6 * mebi, areas, seed);
  return readFileSync(path(name));
}

/** Changes a byte of a file. */
function poke(name: string, at: number, value: number): void {
  const fd = openSync(path(name), 'r+');
  writeSync(fd, Uint8Array.of(value), 0, 1, at);
  closeSync(fd);
}

describePeers('writing disk images', ['qemu-img', 'qemu-io', 'nbdcopy'], (generation) => {
  inWorkspace(generation);

  it('creates images as qemu-img does', async () => {
    await succeed('create', '--quiet', path('a.qcow2'), '1G', '--cluster-size', '128k', '--extended-l2');
    const info = JSON.parse(await qemuImg('info', '--output=json', '@a.qcow2'));
    expect(info).toMatchObject({ format: 'qcow2', 'virtual-size': 1024 * mebi, 'cluster-size': 131_072 });
    expect(info['format-specific'].data).toMatchObject({ 'extended-l2': true, compat: '1.1' });
    await qemuImg('check', '-q', '@a.qcow2');
    const text = await succeed('create', path('b.qcow2'), '--backing', 'a.qcow2', '--qcow2-version', '2', '--json');
    expect(JSON.parse(text)).toMatchObject({ format: 'qcow2', 'virtual-size': 1024 * mebi });
    const below = JSON.parse(await qemuImg('info', '--output=json', '@b.qcow2'));
    expect(below).toMatchObject({ 'backing-filename': 'a.qcow2', 'backing-filename-format': 'qcow2' });
    await succeed('create', '--quiet', path('c.qcow2'), '10M', '--data-file', path('c.data'), '--raw-data-file');
    expect(await succeed('check-image', path('c.qcow2'))).toContain('160 of 160 clusters');
    await succeed('create', '--quiet', path('f.qcow2'), '10M', '--data-file', 'f.data');
    await succeed('create', '--quiet', path('d.img'), '3M');
    expect(readFileSync(path('d.img')).length).toBe(3 * mebi);
    expect(await failure('create', path('a.qcow2'), '1M')).toContain('exists already');
    expect(await failure('create', path('e.vmdk'), '1M')).toContain('vmdk cannot be created here');
    expect(await failure('create', path('e.img'), '1M', '--cluster-size', '4k')).toContain(
      '--cluster-size: a raw file',
    );
    expect(await failure('create', path('e.qcow2'), '1000')).toContain('no multiple of 512');
    expect(await failure('create', path('e.qcow2'), '--backing', 'missing.qcow2')).toContain('missing.qcow2');
    expect(existsSync(path('e.qcow2'))).toBe(false);
    await succeed('create', '--quiet', '--force', path('a.qcow2'), '1M');
  });

  it('serves an image for writing, and leaves it right', async () => {
    const disk = makeDisk();
    await succeed('create', '--quiet', path('q.qcow2'), '6M', '--cluster-size', '4k');
    const uri = await serve(path('q.qcow2'));
    await peer('nbdcopy', workspace.peerPath('disk.raw'), uri());
    await endLast();
    await qemuImg('check', '-q', '@q.qcow2');
    await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', '@q.qcow2', '@out.raw');
    expect(readFileSync(path('out.raw')).equals(disk)).toBe(true);
    expect(await succeed('check-image', path('q.qcow2'))).toContain('the image is right');
    expect(await failure('serve', '--threads', '2', path('q.qcow2'))).toContain('belongs to one thread');
  });

  it.each([[], ['--compress', 'deflate'], ['--compress', 'zstd', '--cluster-size', '32k']])(
    'copies to an image: %s %s',
    async (...options) => {
      const disk = makeDisk();
      await succeed('copy', '--quiet', '--verify', ...options, path('disk.raw'), path('q.qcow2'));
      await qemuImg('check', '-q', '@q.qcow2');
      await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', '@q.qcow2', '@out.raw');
      expect(readFileSync(path('out.raw')).equals(disk)).toBe(true);
      expect(readdirSync(path('.')).filter((name) => name.endsWith('.part'))).toEqual([]);
      // The increment has what has changed.
      disk.fill(7, 2 * mebi, 2 * mebi + 65_536);
      disk.fill(0, 65_536, 131_072);
      writeFileSync(path('later.raw'), disk);
      await succeed('copy', '--quiet', ...options, '--backing', 'q.qcow2', path('later.raw'), path('i.qcow2'));
      await qemuImg('check', '-q', '@i.qcow2');
      await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', '@i.qcow2', '@out.raw');
      expect(readFileSync(path('out.raw')).equals(disk)).toBe(true);
      expect(readFileSync(path('i.qcow2')).length).toBeLessThan(mebi);
    },
  );

  it('refuses what cannot be', async () => {
    makeDisk();
    expect(await failure('copy', '--compress', 'zstd', path('disk.raw'), path('out.img'))).toContain('--compress');
    expect(await failure('copy', '--destination-format', 'qcow2', path('disk.raw'), '-')).toContain('has to be a file');
    expect(await failure('copy', '--checkpoint', path('c'), path('disk.raw'), path('q.qcow2'))).toContain(
      '--checkpoint',
    );
    expect(await failure('check-image', path('disk.raw'))).toContain('not a qcow2 image');
  });

  it('checks and repairs as qemu-img does', async () => {
    makeDisk();
    await succeed('copy', '--quiet', path('disk.raw'), path('q.qcow2'));
    const clean = JSON.parse(await succeed('check-image', '--json', path('q.qcow2')));
    const { stdout } = await runPeer('qemu-img', generation, ['check', '--output=json', workspace.peerPath('q.qcow2')]);
    const theirs = JSON.parse(stdout.toString());
    for (const name of ['image-end-offset', 'total-clusters', 'allocated-clusters', 'check-errors']) {
      expect(clean[name], name).toBe(theirs[name]);
    }
    const table = readFileSync(path('q.qcow2'));
    const block = Number(table.readBigUInt64BE(Number(table.readBigUInt64BE(48))));
    // A cluster behind the end that nothing uses.
    const unused = clean['image-end-offset'] / 65_536;
    poke('q.qcow2', block + 2 * unused + 1, 1);
    const leaking = await nbd('check-image', path('q.qcow2'));
    expect(leaking).toMatchObject({ code: 3, stderr: '' });
    expect(leaking.stdout).toContain(`leaked cluster ${unused}: refcount 1, references 0`);
    // One that is used, and whose refcount says that it is not.
    poke('q.qcow2', block + 2 * 4 + 1, 0);
    expect((await nbd('check-image', '--json', path('q.qcow2'))).code).toBe(2);
    expect((await nbd('check-image', '--repair', 'leaks', path('q.qcow2'))).code).toBe(2);
    const repaired = await nbd('check-image', '--repair', 'all', path('q.qcow2'));
    expect(repaired.code).toBe(0);
    await qemuImg('check', '-q', '@q.qcow2');
    await qemuImg('compare', '-f', 'raw', '-F', 'qcow2', '@disk.raw', '@q.qcow2');
  });
});
