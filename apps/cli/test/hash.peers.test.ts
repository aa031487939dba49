/** `nbd hash` of what nbdkit serves. What nbdcopy gives for block hashes is in the tests of the package copy. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describePeers, makeRawImage, startNbdkit } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

describePeers('nbd hash', ['nbdkit'], (generation) => {
  inWorkspace(generation);

  it('prints what sha256sum and its kin print', async () => {
    const path = workspace.hostPath('disk.img');
    makeRawImage(path, 5 * mebi + 1536, [
      { offset: 1000, length: mebi },
      { offset: 4 * mebi, length: mebi },
    ]);
    const server = await startNbdkit(workspace, ['file', workspace.peerPath('disk.img')]);
    const content = readFileSync(path);
    for (const algorithm of ['sha256', 'md5', 'SHA512', 'sha3-256']) {
      const digest = createHash(algorithm.toLowerCase()).update(content).digest('hex');
      const { code, stdout } = await nbd('hash', '-a', algorithm, server.uri());
      expect({ code, stdout }).toEqual({ code: 0, stdout: `${digest}  ${server.uri()}\n` });
    }
    const part = createHash('sha256')
      .update(content.subarray(mebi, 2 * mebi))
      .digest('hex');
    expect((await nbd('hash', '-o', '1M', '-n', '1M', path)).stdout).toBe(`${part}  ${path}\n`);
  });

  it('does not read holes, and says so', async () => {
    const server = await startNbdkit(workspace, ['memory', '16G']);
    const { stdout } = await nbd('hash', '--block-hash', '--json', server.uri());
    expect(JSON.parse(stdout)).toEqual({
      algorithm: 'sha256',
      blockSize: 65_536,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      bytes: 16 * 1024 * mebi,
      readBytes: 0,
    });
  });

  it('refuses what it does not know, in one line', async () => {
    const path = workspace.hostPath('disk.img');
    makeRawImage(path, mebi, []);
    for (const [options, words] of [
      [['-a', 'sha257'], "there is no hash algorithm 'sha257'"],
      [['--block-hash=sha256/1000'], '--block-hash: 1000 is not a power of two'],
      [['--block-hash=/4k'], "--block-hash: '/4k' is not ALGORITHM or ALGORITHM/SIZE"],
    ] as const) {
      const { code, stderr } = await nbd('hash', ...options, path);
      expect(code).toBe(1);
      expect(stderr).toContain(words);
    }
    expect((await nbd('hash', '-')).stderr).toContain('a stream cannot be used here');
  });
});
