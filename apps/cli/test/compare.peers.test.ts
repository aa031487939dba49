/** `nbd compare` beside `qemu-img compare`. */
import { closeSync, copyFileSync, openSync, truncateSync, writeSync } from 'node:fs';
import { describePeers, makeQcow2, makeRawImage, runPeer, startNbdkit, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

describePeers('nbd compare', ['qemu-nbd', 'qemu-img', 'qemu-io', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  /** What both of them say about two raw images; the place of the first difference in sectors, as qemu-img has it. */
  async function both(first: string, second: string, ...options: readonly string[]) {
    const mine = await nbd('compare', ...options, workspace.hostPath(first), workspace.hostPath(second));
    const paths = [workspace.peerPath(first), workspace.peerPath(second)];
    const theirs = await runPeer('qemu-img', generation, ['compare', '-f', 'raw', '-F', 'raw', ...options, ...paths]);
    expect({ code: mine.code, text: inSectors(mine.stdout), stderr: mine.stderr }).toEqual({
      code: theirs.code,
      text: theirs.stdout.toString(),
      stderr: '',
    });
    return mine;
  }

  const inSectors = (text: string): string =>
    text.replace(/(Content mismatch at offset )(\d+)/, (_, words: string, place: string) => {
      return `${words}${Number(place) - (Number(place) % 512)}`;
    });

  function change(name: string, offset: number, byte: number): void {
    const file = openSync(workspace.hostPath(name), 'r+');
    writeSync(file, Buffer.of(byte), 0, 1, offset);
    closeSync(file);
  }

  it('says the same, with the same exit codes, about equal and different images of equal and different sizes', async () => {
    makeRawImage(workspace.hostPath('a.img'), 8 * mebi, [{ offset: mebi, length: 2 * mebi }]);
    const copyOf = (name: string): void => copyFileSync(workspace.hostPath('a.img'), workspace.hostPath(name));
    copyOf('same.img');
    expect((await both('a.img', 'same.img')).code).toBe(0);
    expect((await both('a.img', 'same.img', '-q')).stdout).toBe('');
    copyOf('byte.img');
    change('byte.img', 5 * mebi + 700, 1);
    expect((await both('a.img', 'byte.img')).stdout).toBe(`Content mismatch at offset ${5 * mebi + 700}!\n`);
    copyOf('long.img');
    truncateSync(workspace.hostPath('long.img'), 9 * mebi);
    expect((await both('a.img', 'long.img')).stdout).toBe('Warning: Image size mismatch!\nImages are identical.\n');
    expect((await both('long.img', 'a.img')).code).toBe(0);
    expect((await both('a.img', 'long.img', '-s')).stdout).toBe('Strict mode: Image size mismatch!\n');
    change('long.img', 8 * mebi + 1, 1);
    expect((await both('a.img', 'long.img')).code).toBe(1);
    expect((await both('long.img', 'a.img', '-q')).code).toBe(1);
  });

  it('-s compares what is allocated', async () => {
    await makeQcow2(workspace, 'a.qcow2', { size: 4 * mebi, written: [{ offset: mebi, length: 65_536 }] });
    await makeQcow2(workspace, 'b.qcow2', { size: 4 * mebi, written: [{ offset: mebi, length: 65_536 }] });
    const first = await startQemuNbd(workspace, { image: 'a.qcow2', format: 'qcow2', readOnly: true });
    const second = await startQemuNbd(workspace, { image: 'b.qcow2', format: 'qcow2' });
    expect(await nbd('compare', '-s', first.uri(), second.uri())).toMatchObject({
      code: 0,
      stdout: 'Images are identical.\n',
    });
    // Zeroes that are stored.
    const write = ['-f', 'raw', '-c', `write -P 0 ${2 * mebi} 65536`, second.peerUri()];
    expect((await runPeer('qemu-io', generation, write)).code).toBe(0);
    expect(await nbd('compare', first.uri(), second.uri())).toMatchObject({ code: 0 });
    expect(await nbd('compare', '-s', first.uri(), second.uri())).toMatchObject({
      code: 1,
      stdout: `Strict mode: Offset ${2 * mebi} block status mismatch!\n`,
    });
  });

  it('--all lists the parts that differ, also as JSON', async () => {
    makeRawImage(workspace.hostPath('a.img'), 8 * mebi, [{ offset: mebi, length: 2 * mebi }]);
    copyFileSync(workspace.hostPath('a.img'), workspace.hostPath('b.img'));
    const places = [7, 100, 6 * mebi, 6 * mebi + 4096, 8 * mebi - 1];
    for (const place of places) change('b.img', place, 1);
    const paths = [workspace.hostPath('a.img'), workspace.hostPath('b.img')];
    const { code, stdout } = await nbd('compare', '--all', ...paths);
    expect(code).toBe(1);
    expect(stdout).toBe(
      [
        '         7          94',
        '   6291456        4097',
        '   8388607           1',
        'Images differ: 4192 bytes in 3 parts.',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await nbd('compare', '--all', '--gap', '512', '--json', ...paths)).stdout) as unknown;
    expect(json).toEqual({
      ranges: [
        { offset: 7, length: 94 },
        { offset: 6 * mebi, length: 1 },
        { offset: 6 * mebi + 4096, length: 1 },
        { offset: 8 * mebi - 1, length: 1 },
      ],
      identical: false,
      reason: 'content',
      differsAt: 7,
      differingBytes: 97,
      comparedBytes: expect.any(Number),
      sizes: [8 * mebi, 8 * mebi],
    });
    const same = JSON.parse((await nbd('compare', '--all', '--json', String(paths[0]), String(paths[0]))).stdout);
    expect(same).toMatchObject({ ranges: [], identical: true });
    const part = await nbd('compare', '-o', '1M', '-n', '2M', ...paths);
    expect(part).toMatchObject({ code: 0, stdout: 'Images are identical.\n' });
  });

  it('fails with 2 before it reads, and with 4 when reading fails', async () => {
    makeRawImage(workspace.hostPath('a.img'), mebi, []);
    const image = workspace.hostPath('a.img');
    expect(await nbd('compare', image, workspace.hostPath('none.img'))).toMatchObject({ code: 2, stdout: '' });
    expect(await nbd('compare', '--bogus', image, image)).toMatchObject({ code: 2, stdout: '' });
    expect(await nbd('compare', '--gap', '5', image, image)).toMatchObject({ code: 2 });
    expect(await nbd('compare', image, '-')).toMatchObject({ code: 2 });
    const failing = await startNbdkit(workspace, [
      '--filter=error',
      'data',
      'size=1M',
      '1',
      'error-pread=EIO',
      'error-pread-rate=100%',
    ]);
    const { code, stderr } = await nbd('compare', image, failing.uri());
    expect(code).toBe(4);
    expect(stderr).toMatch(/^nbd: .*EIO/);
  });
});
