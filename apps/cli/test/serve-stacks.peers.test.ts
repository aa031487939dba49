/** Programs on top of `nbd serve` (other servers, filesystems, clients that are killed), and servers below it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  describePeers,
  makeRawImage,
  runCommandLine,
  runPeer,
  sha256OfFile,
  startNbdkit,
  startQemuNbd,
} from '@nbdjs/peers';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

const mebi = 2 ** 20;

describePeers('nbd serve, served again', ['qemu-nbd', 'nbdkit', 'nbdcopy', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it.each(['qemu-nbd', 'nbdkit'] as const)('by %s has the same bytes, read and written', async (program) => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 16 * mebi, [{ offset: 3 * mebi, length: 5 * mebi }]);
    const uri = (await serve(image))();
    await using again =
      program === 'nbdkit'
        ? await startNbdkit(workspace, ['nbd', `uri=${uri}`])
        : await startQemuNbd(workspace, { image: uri, format: 'raw' });
    const copy = workspace.hostPath('copy.img');
    expect(await nbd('copy', again.uri(), copy)).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(copy)).toBe(await sha256OfFile(image));
    const other = workspace.hostPath('other.img');
    makeRawImage(other, 16 * mebi, [{ offset: mebi - 999, length: 9 * mebi }]);
    expect(await nbd('copy', '--flush', other, again.uri())).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(image)).toBe(await sha256OfFile(other));
  });

  it('reports depths as qemu-nbd does', async () => {
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 4 * mebi, [{ offset: 0, length: mebi }]);
    const changes = workspace.hostPath('changes.img');
    makeRawImage(changes, 4 * mebi, [{ offset: 0, length: 2 * mebi }]);
    const map = async (uri: string) => {
      const text = await peer('nbdinfo', '--map=qemu:allocation-depth', '--json', uri);
      return (JSON.parse(text) as { length: number; type: number }[]).map(({ length, type }) => [length, type]);
    };
    await using theirs = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', allocationDepth: true });
    expect(await map((await serve('-A', image))())).toEqual(await map(theirs.peerUri()));
    const snapshot = (await serve('-A', '--snapshot', image))();
    expect(await map(snapshot)).toEqual([[4 * mebi, 2]]);
    await peer('nbdcopy', '--allocated', workspace.peerPath('changes.img'), snapshot);
    expect(await map(snapshot)).toEqual([[4 * mebi, 1]]);
  });

  it('loses nothing but the client, when clients are killed', { timeout: 60_000 }, async () => {
    const peersUri = (await serve('victim=memory:256M', 'other=memory:16M'))('victim');
    const uriOf = (name: string): string => `nbd+unix:///${name}?socket=${workspace.socketPath('s0')}`;
    const source = workspace.hostPath('source.img');
    makeRawImage(source, 16 * mebi, [{ offset: 0, length: 16 * mebi }]);
    makeRawImage(workspace.hostPath('victim.img'), 256 * mebi, [{ offset: 0, length: 256 * mebi }]);
    const random = seededRandom(5);
    let killed = 0;
    for (let round = 0; round < 20; round++) {
      const args = round % 2 === 0 ? [workspace.peerPath('victim.img'), peersUri] : [peersUri, 'null:'];
      const [client, honest] = await Promise.all([
        runPeer('nbdcopy', generation, args, { timeoutMs: 5 + Math.floor(random() * 120) }),
        round % 5 === 0 ? nbd('copy', source, uriOf('other')) : undefined,
      ]);
      if (client.isTimedOut) killed++;
      if (honest !== undefined) expect(honest).toMatchObject({ code: 0, stderr: '' });
    }
    expect(killed).toBeGreaterThan(5);
    const copy = workspace.hostPath('copy.img');
    expect(await nbd('copy', uriOf('other'), copy)).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(copy)).toBe(await sha256OfFile(source));
    expect(await nbd('copy', workspace.hostPath('victim.img'), uriOf('victim'))).toMatchObject({ code: 0, stderr: '' });
  });
});

describePeers('a filesystem on nbd serve', ['qemu-img', 'nbdcopy'], (generation) => {
  inWorkspace(generation);

  const text = 'There is a disk behind this file.\n'.repeat(20_000);

  function makeFiles(): string {
    const folder = workspace.hostPath('files');
    mkdirSync(folder);
    for (let index = 0; index < 50; index++) writeFileSync(join(folder, `file-${index}`), text.slice(index));
    return folder;
  }

  async function checkImage(image: string): Promise<void> {
    const check = await runCommandLine(['e2fsck', '-f', '-n', image]);
    expect(check).toMatchObject({ code: 0 });
    for (const index of [0, 17, 49]) {
      const { stdout } = await runCommandLine(['debugfs', '-R', `cat file-${index}`, image]);
      expect(stdout.toString()).toBe(text.slice(index));
    }
  }

  it('is whole when QEMU has written it out of order over several requests at a time', async () => {
    const made = workspace.hostPath('made.img');
    makeRawImage(made, 64 * mebi, []);
    const image = workspace.hostPath('disk.img');
    makeRawImage(image, 64 * mebi, []);
    expect(await runCommandLine(['mkfs.ext4', '-q', '-F', '-d', makeFiles(), made])).toMatchObject({ code: 0 });
    const uri = (await serve(image))();
    await peer(
      'qemu-img',
      'convert',
      '-n',
      '-W',
      '-m',
      '16',
      '-f',
      'raw',
      '-O',
      'raw',
      workspace.peerPath('made.img'),
      uri,
    );
    await checkImage(image);
  });

  // Where there is no FUSE, this cannot be said to have been left out: there is nothing to run it on.
  if (generation === 'bookworm' && existsSync('/dev/fuse') && process.getuid?.() === 0) {
    it('is made, filled and checked through FUSE, over several connections', async () => {
      const image = workspace.hostPath('disk.img');
      makeRawImage(image, 64 * mebi, []);
      const uri = (await serve(image))();
      const folder = workspace.hostPath('mount');
      mkdirSync(folder);
      const disk = join(folder, 'nbd');
      const fuse = spawn('nbdfuse', ['-C', '4', folder, uri], { stdio: 'ignore' });
      const gone = once(fuse, 'exit');
      try {
        await expect.poll(() => existsSync(disk)).toBe(true);
        expect(await runCommandLine(['mkfs.ext4', '-q', '-F', '-d', makeFiles(), disk])).toMatchObject({ code: 0 });
        await checkImage(disk);
      } finally {
        await runCommandLine(['umount', folder]);
        await gone;
      }
      await checkImage(image);
    });
  }
});

describe('nbd serve, of 8 EiB', () => {
  inWorkspace('bookworm');

  it('is mapped, trimmed and copied in no time', async () => {
    const uri = (await serve('memory:9223372036854775296'))();
    const source = workspace.hostPath('source.img');
    makeRawImage(source, mebi, [{ offset: 0, length: mebi }]);
    expect(await nbd('copy', source, uri)).toMatchObject({ code: 0, stderr: '' });
    expect((await nbd('info', '--map', '--totals', uri)).stdout).toBe(
      ['   1048576   0.0%   0 data', '9223372036853726720 100.0%   3 hole,zero', ''].join('\n'),
    );
    // Nothing but the first mebibyte is moved.
    const { code, stderr } = await nbd('copy', uri, 'null:');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
