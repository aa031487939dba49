/**
 * Disks in a bucket of Ceph, served by processes of `nbd`.
 *
 * @module-tag slow
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { connect } from '@nbdjs/client';
import { type Ceph, cephPrograms, describeTools, startCeph } from '@nbdjs/peers';
import { createS3Bucket } from '@nbdjs/s3';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { nbdCommand } from './harness.ts';
import { peer } from './serving-peers.ts';
import { inWorkspace, workspace } from './workspace.ts';

const blockBytes = 65_536;
const filled = (value: number): Uint8Array => new Uint8Array(blockBytes).fill(value);

describeTools('nbd serve s3:// in front of radosgw', [...cephPrograms, 'fio'], () => {
  let ceph: Ceph;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    ceph = await startCeph();
    const { endpoint } = ceph;
    await createS3Bucket({ bucket: 'disks', endpoint, region: 'default', credentials: ceph });
  }, 120_000);
  afterAll(() => ceph?.stop(), 30_000);

  inWorkspace('bookworm');
  afterEach(async () => {
    for (const child of children.splice(0)) await end(child, 'SIGKILL');
  });

  const diskOf = (name: string): string => `s3://disks/${name}?endpoint=${ceph.endpoint}&region=default`;

  function start(words: readonly string[]): ChildProcess {
    const [program, ...rest] = nbdCommand(...words);
    const env = {
      ...process.env,
      AWS_ACCESS_KEY_ID: ceph.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ceph.secretAccessKey,
    };
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'], env });
    children.push(child);
    return child;
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  }

  async function create(name: string, size: string): Promise<void> {
    const child = start(['objects', 'create', diskOf(name), size, '--object-size', '256k']);
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  }

  /** Resolves when clients can connect. */
  async function serve(name: string, ...words: readonly string[]): Promise<{ child: ChildProcess; uri: string }> {
    const socket = workspace.hostPath(`${name}.sock`);
    rmSync(socket, { force: true });
    const child = start(['serve', '--socket', socket, ...words, diskOf(name)]);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await expect.poll(() => existsSync(socket) || child.exitCode !== null, { timeout: 30_000 }).toBe(true);
    expect(child.exitCode, said).toBeNull();
    return { child, uri: `nbd+unix:///?socket=${socket}` };
  }

  it('keeps what fio writes at random, and verifies', { timeout: 120_000 }, async () => {
    await create('fio', '64M');
    const { child, uri } = await serve('fio');
    const load = ['--rw=randrw', '--bsrange=4k-128k', '--iodepth=16', '--size=64M', '--io_size=48M', '--fsync=64'];
    const check = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', '--randseed=7'];
    expect(await peer('fio', '--name=verify', '--ioengine=nbd', `--uri=${uri}`, ...load, ...check)).toContain('err= 0');
    expect(await end(child, 'SIGTERM')).toBe(0);
  });

  it('loses nothing that was flushed when its server is killed, again and again', { timeout: 400_000 }, async () => {
    await create('killed', '2M');
    const flushed = new Map<number, number>();
    const kills = process.env.NBDJS_LONG === '1' ? 50 : 3;
    for (let round = 1; round <= kills; round++) {
      const { child, uri } = await serve('killed', '--take-over', 'now');
      const client = await connect(uri, { delivery: 'inline' });
      for (const [block, value] of flushed) {
        expect(await client.readBytes(block * blockBytes, blockBytes)).toEqual(filled(value));
      }
      for (const block of [round % 32, (round * 7) % 32]) await client.write(block * blockBytes, filled(round));
      await client.flush();
      for (const block of [round % 32, (round * 7) % 32]) flushed.set(block, round);
      // Under way when it dies, at a place that nothing flushed is at.
      flushed.delete((round * 11) % 32);
      const lost = Promise.allSettled([client.write(((round * 11) % 32) * blockBytes, filled(200))]);
      await end(child, 'SIGKILL');
      await lost;
      await client.close().catch(() => {});
    }
    expect(flushed.size).toBeGreaterThan(0);
  });

  it('lets a second server take over, and the first one write no more', { timeout: 60_000 }, async () => {
    await create('taken', '1M');
    const first = await serve('taken');
    const before = await connect(first.uri, { delivery: 'inline' });
    await before.write(0, filled(1));
    await before.flush();
    await before.write(0, filled(2));
    rmSync(workspace.hostPath('taken.sock'), { force: true });
    const second = await serve('taken', '--take-over', 'now');
    const after = await connect(second.uri, { delivery: 'inline' });
    expect(await after.readBytes(0, blockBytes)).toEqual(filled(1));
    await after.write(0, filled(3));
    await after.flush();
    await expect(before.flush()).rejects.toThrow();
    expect(await after.readBytes(0, blockBytes)).toEqual(filled(3));
    await before.close().catch(() => {});
    await after.close();
    expect(await end(second.child, 'SIGTERM')).toBe(0);
  });
});
