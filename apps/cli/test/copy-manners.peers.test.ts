/** The requests of `nbd copy`, its messages, and its end. */
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { describePeers, makeRawImage, spawnChild, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nbd, nbdCommand } from './harness.ts';

const kibi = 1024;
const mebi = 1024 * kibi;

let workspace: Workspace;
const logLines = (): readonly string[] => readFileSync(workspace.hostPath('log'), 'utf8').split('\n');
const logging = (): string => `logfile=${workspace.peerPath('log')}`;

describePeers('nbd copy', ['nbdkit', 'qemu-nbd'], (generation) => {
  beforeEach(() => {
    workspace = new Workspace(generation);
  });
  afterEach(() => workspace[Symbol.dispose]());

  it('A9: reads a fragmented source in no more requests than without its map', async () => {
    const bytes = new Uint8Array(4 * mebi);
    for (let offset = 0; offset < bytes.length; offset += 8 * kibi) bytes.fill(5, offset, offset + 4 * kibi);
    makeRawImage(workspace.hostPath('disk.img'), bytes.length, []);
    writeFileSync(workspace.hostPath('data'), bytes);
    expect(await nbd('copy', '-S', '4096', workspace.hostPath('data'), workspace.hostPath('disk.img'))).toMatchObject({
      code: 0,
    });
    await using server = await startNbdkit(workspace, [
      '--filter=log',
      'file',
      workspace.peerPath('disk.img'),
      logging(),
    ]);
    const copy = workspace.hostPath('copy.img');
    expect(await nbd('copy', '--verify', server.uri(), copy)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(copy).equals(bytes)).toBe(true);
    // Once to copy and once to compare.
    expect(logLines().filter((line) => / Read id/.test(line)).length).toBeLessThanOrEqual(2 * 16);
  });

  it('A6: --no-extents selects no metadata context', async () => {
    await using server = await startNbdkit(workspace, ['--verbose', 'memory', '1M']);
    expect(await nbd('copy', '--no-extents', server.uri(), 'null:')).toMatchObject({ code: 0, stderr: '' });
    expect(server.stderr).toContain('NBD_OPT_GO');
    expect(server.stderr).not.toContain('META_CONTEXT');
    expect(await nbd('copy', server.uri(), 'null:')).toMatchObject({ code: 0, stderr: '' });
    expect(server.stderr).toContain('META_CONTEXT');
  });

  it('B10: copies, dumps and verifies exports without a map, and says so with --verbose', async () => {
    const error = ['--filter=error', 'data', '1 2 3 @1000000 4', 'size=5M', 'error-extents-rate=1'];
    await using server = await startNbdkit(workspace, error);
    const copy = workspace.hostPath('copy.img');
    const outcome = await nbd('copy', '--verify', '--verbose', server.uri(), copy);
    expect(outcome).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('does not report which parts of it are zero'),
    });
    expect([...readFileSync(copy).subarray(0, 4)]).toEqual([1, 2, 3, 0]);
    expect(await nbd('copy', server.uri(), copy)).toMatchObject({ code: 0, stderr: '' });
    expect(await nbd('dump', '-n', '16', server.uri())).toMatchObject({ code: 0, stderr: '' });
  });

  it('P5: causes no errors in the logs of servers, P2: and prints how many connections there were', async () => {
    makeRawImage(workspace.hostPath('disk.img'), mebi, [{ offset: 0, length: mebi }]);
    await using qemu = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', readOnly: true });
    await using kit = await startNbdkit(workspace, ['file', workspace.peerPath('disk.img')]);
    for (const server of [qemu, kit]) {
      const { code, stderr } = await nbd('copy', '--verbose', server.uri(), 'null:');
      expect(code).toBe(0);
      expect(stderr).toContain('nbd: source: connections=1\n');
      expect(stderr).toContain('nbd: destination: null: takes everything\n');
      expect(server.stderr).toBe('');
    }
  });

  it('Ctrl-C ends it within a second where requests are stuck, with a checkpoint and retries', async () => {
    await using server = await startNbdkit(workspace, [
      '--filter=log',
      '--filter=delay',
      'memory',
      '4M',
      'rdelay=30',
      logging(),
    ]);
    const [target, checkpoint] = [workspace.hostPath('copy.img'), workspace.hostPath('ck')];
    const child = spawnChild(
      nbdCommand('copy', '--no-extents', '--retries', '9', '--checkpoint', checkpoint, server.uri(), target),
      {},
    );
    while (!logLines().some((line) => / Read id/.test(line))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    const startMs = performance.now();
    expect((await child.exited).code).toBe(130);
    expect(performance.now() - startMs).toBeLessThan(3000);
    server.kill('SIGKILL');
  });

  it('P1: says in words what a server has failed with', async () => {
    await using server = await startNbdkit(workspace, [
      '--filter=error',
      'memory',
      '1M',
      'error-pwrite=ENOSPC',
      'error-pwrite-rate=1',
    ]);
    writeFileSync(workspace.hostPath('f'), new Uint8Array(mebi).fill(1));
    const { code, stderr } = await nbd('copy', workspace.hostPath('f'), server.uri());
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nbd: writing the target at \d+: WRITE of .* failed: ENOSPC \(no space left on device\)/);
  });
});

describe('nbd copy', () => {
  beforeEach(() => {
    workspace = new Workspace('bookworm');
  });
  afterEach(() => workspace[Symbol.dispose]());

  it('P6: --destination-is-zero empties a file that is there, so that it is true', async () => {
    const [from, to] = [workspace.hostPath('from'), workspace.hostPath('to')];
    makeRawImage(from, 3 * mebi, [{ offset: mebi, length: mebi }]);
    writeFileSync(to, new Uint8Array(4 * mebi).fill(7));
    expect(await nbd('copy', '--destination-is-zero', from, to)).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(to).equals(readFileSync(from))).toBe(true);
    expect(statSync(to).blocks).toBeLessThan(2 * 2048);
  });

  it('D8.2: refuses block hashes in words', async () => {
    for (const option of ['--blkhash', '--blkhash=sha256/64k', '--blkhash-file=x']) {
      const outcome = await nbd('copy', option, '/dev/null', 'null:');
      expect(outcome).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('a copy makes no hash'),
      });
    }
  });

  it('Ctrl-C ends it within a second where the server is silent', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
    });
    const path = workspace.hostPath('s');
    server.listen(path);
    await once(server, 'listening');
    const child = spawnChild(nbdCommand('copy', '--retries', '9', `nbd+unix:///?socket=${path}`, 'null:'), {});
    await once(server, 'connection');
    child.kill('SIGINT');
    const startMs = performance.now();
    const { code } = await child.exited;
    expect(code).toBe(130);
    expect(performance.now() - startMs).toBeLessThan(3000);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});
