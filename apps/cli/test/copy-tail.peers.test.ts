/** A7: exports whose size is no multiple of their smallest block. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describePeers, makeRawImage, sha256OfFile, startNbdkit, Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nbd } from './harness.ts';

const size = 1_049_576;

describePeers('A7: an export that ends in the middle of a block', ['nbdkit'], (generation) => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace(generation);
    makeRawImage(workspace.hostPath('disk.img'), size, [{ offset: 300_000, length: size - 300_000 }]);
  });
  afterEach(() => workspace[Symbol.dispose]());

  const policy = (strict: boolean): string[] => [
    'blocksize-minimum=4096',
    'blocksize-preferred=65536',
    'blocksize-maximum=1048576',
    ...(strict ? ['blocksize-error-policy=error'] : []),
  ];
  const serve = (file: string, strict: boolean) =>
    startNbdkit(workspace, ['--filter=blocksize-policy', 'file', workspace.peerPath(file), ...policy(strict)]);
  it('is copied both ways, dumped and mapped to its end where the server lets it', async () => {
    writeFileSync(workspace.hostPath('target.img'), new Uint8Array(size).fill(7));
    await using source = await serve('disk.img', false);
    await using target = await serve('target.img', false);
    const copy = workspace.hostPath('copy.img');
    expect(await nbd('copy', source.uri(), copy)).toMatchObject({ code: 0, stderr: '' });
    const expected = await sha256OfFile(workspace.hostPath('disk.img'));
    expect(await sha256OfFile(copy)).toBe(expected);
    expect(await nbd('copy', '--verify', copy, target.uri())).toMatchObject({ code: 0, stderr: '' });
    expect(await sha256OfFile(workspace.hostPath('target.img'))).toBe(expected);
    expect(await nbd('dump', '-o', `${size - 6}`, source.uri())).toMatchObject({ code: 0, stderr: '' });
    const map = await nbd('info', '--map', '--json', source.uri());
    expect(map).toMatchObject({ code: 0, stderr: '' });
    const extents = JSON.parse(map.stdout) as { offset: number; length: number }[];
    const last = extents.at(-1) as { offset: number; length: number };
    expect(last.offset + last.length).toBe(size);
  });

  it('is not begun to be copied where the server refuses its last bytes', async () => {
    writeFileSync(workspace.hostPath('target.img'), new Uint8Array(size).fill(7));
    await using source = await serve('disk.img', true);
    await using target = await serve('target.img', true);
    const what = (command: string): RegExp =>
      new RegExp(`at 1048576: ${command} of 1000 bytes at 1048576 touches the last 1000 bytes of the export`);
    const copy = workspace.hostPath('copy.img');
    const out = await nbd('copy', source.uri(), copy);
    expect(out).toMatchObject({ code: 1, stderr: expect.stringMatching(what('READ')) });
    expect(statSync(copy).blocks).toBe(0);
    const into = await nbd('copy', workspace.hostPath('disk.img'), target.uri());
    expect(into).toMatchObject({ code: 1, stderr: expect.stringMatching(what('WRITE')) });
    expect(readFileSync(workspace.hostPath('target.img')).every((byte) => byte === 7)).toBe(true);
    // The map does not need these bytes: it reports them as data.
    const map = await nbd('info', '--map', source.uri());
    expect(map).toMatchObject({ code: 0, stderr: '' });
    expect(map.stdout.trimEnd().split('\n').at(-1)).toMatch(/^\s*299008\s+750568\s+0\s+data/);
  });
});
