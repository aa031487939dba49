/** Programs of others as targets: one program for all connections, started again when that is asked for. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { describePeers } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { connect } from '../src/index.ts';

const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('this was to fail'),
    (error: Error) => error,
  );

describePeers('a program as a target', ['nbdkit'], (generation) => {
  it('serves all connections', async () => {
    if (generation === 'trixie') return;
    // Each program would have memory of its own.
    await using disk = await connect({ command: ['nbdkit', 'memory', '1M'] }, { connections: 4 });
    await disk.write(0, new Uint8Array(4096).fill(7));
    for (let round = 0; round < 20; round++) {
      const reads = await Promise.all(Array.from({ length: 64 }, () => disk.readBytes(0, 4096)));
      expect(reads.every((bytes) => bytes.every((byte) => byte === 7))).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('reports why it cannot serve', async () => {
    if (generation === 'trixie') return;
    const error = await failure(connect({ command: ['nbdkit', 'file', '/nowhere/disk.img'] }));
    expect(error).toMatchObject({ name: 'ConnectError', code: 'ERR_NBD_COMMAND' });
    expect(error.message).toMatch(/^\[ nbdkit file \/nowhere\/disk\.img \]: it ended with exit code 1: .*\/nowhere/);
  });

  it('gets its folder and its variables', async () => {
    if (generation === 'trixie') return;
    const command = ['sh', '-c', 'exec nbdkit eval get_size="echo $SIZE" pread="head -c \\$3 /dev/zero"'] as const;
    await using disk = await connect({ command: [...command], env: { SIZE: '8192' }, cwd: '/' });
    expect(disk.geometry.size).toBe(8192n);
  });

  it.each(['socket-activation', 'socket-pair'] as const)('is started again when asked for (%s)', async (mode) => {
    if (generation === 'trixie') return;
    const single = mode === 'socket-pair' ? ['-s'] : [];
    const script = `echo $$ >&2; exec nbdkit ${single.join(' ')} pattern 1M`;
    const pids: number[] = [];
    const target = { command: ['sh', '-c', `echo $$ >> "$PIDS"; ${script}`] as [string, ...string[]], mode };
    const folder = mkdtempSync('/tmp/nbdjs-commands-');
    const env = { PIDS: `${folder}/pids` };
    const started = () => readFileSync(env.PIDS, 'utf8').trim().split('\n').map(Number);
    const disk = await connect({ ...target, env }, { reconnectDelayMs: 10_000 });
    pids.push(...started());
    expect(pids).toHaveLength(1);
    process.kill(pids[0] as number, 'SIGKILL');
    expect(Buffer.from(await disk.readBytes(4096, 8)).readBigUInt64BE()).toBe(4096n);
    expect(started()).toHaveLength(2);
    await disk.close();
    const isRunning = () =>
      started().some((pid) => {
        try {
          return process.kill(pid, 0);
        } catch {
          return false;
        }
      });
    await expect.poll(isRunning).toBe(false);
    // Without the wish it is not.
    const plain = await connect({ ...target, env });
    process.kill(started().at(-1) as number, 'SIGKILL');
    await expect.poll(() => failure(plain.readBytes(0, 512))).toMatchObject({ name: expect.stringMatching(/Error$/) });
    await plain.close().catch(() => {});
    expect(started()).toHaveLength(3);
    rmSync(folder, { recursive: true });
  });
});
