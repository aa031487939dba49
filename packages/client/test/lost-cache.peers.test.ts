/** A server that is killed again and again, and forgets each time what was not flushed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForgetfulServer } from '@nbdjs/forgetful-server';
import { WritesLostError } from '@nbdjs/interfaces';
import { createWorkspace, describePeers, runPeer, type Workspace } from '@nbdjs/peers';
import { ChaosProxy, seededRandom } from '@nbdjs/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectOptions, connect } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
let serial = 0;
const freshPath = (): string => join(folder, `s${++serial}`);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const laneBytes = 64 * 1024;
const laneCount = 8;

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Losses {
  /** Bytes that were flushed, with success, and are not on the disk. */
  flushed: number;
  /** Bytes that were acknowledged and read otherwise. */
  read: number;
  /** Bytes that are wrong when all was flushed in the end. */
  final: number;
  /** Flushes that have told of lost writes. */
  told: number;
}

function differences(one: Uint8Array, other: Uint8Array): number {
  if (Buffer.compare(one, other) === 0) return 0;
  return one.reduce((sum, byte, index) => (byte === other[index] ? sum : sum + 1), 0);
}

/** Writes, trims, zeroes, flushes and reads at random while the server is killed at random, and counts what is wrong. */
async function survive(crashes: number, survival: number, options: ConnectOptions): Promise<Losses> {
  const random = seededRandom(survival * 100 + (options.connections ?? 1));
  await using server = await ForgetfulServer.start({ path: freshPath(), sizeBytes: laneBytes * laneCount, survival });
  const disk = await connect(server.uri, { delivery: 'inline', reconnectDelayMs: 30_000, ...options });
  const model = new Uint8Array(laneBytes * laneCount);
  const losses: Losses = { flushed: 0, read: 0, final: 0, told: 0 };
  let isOver = false;
  let callCount = 0;

  const flush = async (): Promise<void> => {
    try {
      await disk.flush();
    } catch (error) {
      if (!(error instanceof WritesLostError)) throw error;
      losses.told++;
    }
  };
  const lane = async (base: number): Promise<void> => {
    const mine = model.subarray(base, base + laneBytes);
    while (!isOver) {
      const position = Math.floor(random() * (laneBytes - 5000));
      const length = 1 + Math.floor(random() * 5000);
      const fua = random() < 0.1;
      const what = random();
      callCount++;
      if (what < 0.5) {
        const source = new Uint8Array(length).fill(1 + Math.floor(random() * 255));
        await disk.write(base + position, source, { fua });
        mine.set(source, position);
      } else if (what < 0.6) {
        await disk.writeZeroes(base + position, length, { fua });
        mine.fill(0, position, position + length);
      } else if (what < 0.7) {
        await disk.trim(base + position, length, { fua });
        mine.fill(0, position, position + length);
      } else if (what < 0.95) {
        const seen = await disk.readBytes(base + position, length);
        losses.read += differences(seen, mine.subarray(position, position + length));
      } else {
        await flush();
        losses.flushed += differences(server.durable.subarray(base, base + laneBytes), mine);
      }
    }
  };
  const killing = async (): Promise<void> => {
    while (server.crashCount < crashes) {
      // Mostly in the middle of the work, now and then before it has gone on.
      const next = callCount + (random() < 0.2 ? 0 : 1 + Math.floor(random() * 60));
      while (callCount < next) await later(1);
      // Once it stays away for a while, so that the client is refused and tries on.
      const staysAway = server.crashCount === Math.floor(crashes / 2);
      if (staysAway) await server.refuse();
      server.crash();
      if (!staysAway) continue;
      await later(100);
      await server.admit();
    }
    isOver = true;
  };
  await Promise.all([killing(), ...Array.from({ length: laneCount }, (_, index) => lane(index * laneBytes))]);
  await flush();
  server.crash();
  losses.final = differences(server.durable, model);
  expect(disk.statistics.connections).toBeGreaterThan(crashes / 2);
  // Without the journal it has lost something once more.
  await disk.close().catch(() => {});
  return losses;
}

describe('a server that is killed at random', () => {
  const nothing = { flushed: 0, read: 0, final: 0, told: 0 };

  it('fifty times, and forgets all: with the journal, nothing is lost', async () => {
    expect(await survive(50, 0, {})).toEqual(nothing);
  }, 60_000);

  it('fifty times, and forgets half: with the journal, nothing is lost', async () => {
    expect(await survive(50, 0.5, {})).toEqual(nothing);
  }, 60_000);

  // Mostly a connection beside others is being made then, and the next attempt comes a second later: hence fewer.
  it('with four connections, nothing is lost', async () => {
    expect(await survive(10, 0, { connections: 4 })).toEqual(nothing);
  }, 60_000);

  it('with a journal that is too small and flushes in time, nothing is lost', async () => {
    const journal = { bytesMax: 64 * 1024, whenFull: 'flush' } as const;
    expect(await survive(50, 0, { journal })).toEqual(nothing);
  }, 60_000);

  it('D7: without the journal it shows, and flushes say so', async () => {
    const { read, final, told } = await survive(50, 0, { journal: false });
    expect(told).toBeGreaterThan(0);
    expect(read).toBeGreaterThan(0);
    expect(final).toBeGreaterThan(0);
  }, 60_000);
});

it('a connection that has not noticed the crash yet does not count as proof: writes by the next one are replayed', async () => {
  const path = freshPath();
  await using server = await ForgetfulServer.start({ path, sizeBytes: 65_536 });
  const listening = { type: 'unix', path: freshPath() } as const;
  await using proxy = await ChaosProxy.start({ listen: listening, target: { type: 'unix', path } });
  const disk = await connect(proxy.uri(), { delivery: 'inline', reconnectDelayMs: 30_000, connections: 2 });
  await disk.write(0, new Uint8Array(4096).fill(7));
  await expect.poll(() => disk.statistics.connections).toBe(2);
  // The second one is used only when the first one has vouched for it.
  await later(100);
  const [, unaware] = proxy.live;
  unaware?.down.stall();
  server.crash();
  const reading = disk.readBytes(0, 4096);
  // A connection to the new run of the server stands; the old one does not tell that it is none.
  await expect.poll(() => proxy.connections.length).toBeGreaterThan(2);
  await later(200);
  unaware?.down.resume();
  expect((await reading).every((byte) => byte === 7)).toBe(true);
  await disk.flush();
  expect(server.durable.subarray(0, 4096).every((byte) => byte === 7)).toBe(true);
  await disk.close();
});

describePeers('a server that is killed between a write and its flush', ['qemu-io'], (generation) => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  const start = async (): Promise<ForgetfulServer> => {
    const server: ForgetfulServer = await ForgetfulServer.start({
      path: workspace.socketPath('socket'),
      sizeBytes: 65_536,
      onFlush: () => {
        if (server.crashCount === 0) server.crash();
      },
    });
    return server;
  };

  it('has what we wrote when the flush has succeeded', async () => {
    await using server = await start();
    await using disk = await connect(server.uri, { reconnectDelayMs: 10_000 });
    await disk.write(0, new Uint8Array(4096).fill(0x11));
    await disk.flush();
    expect(server.crashCount).toBe(1);
    expect(server.durable.subarray(0, 4096).every((byte) => byte === 0x11)).toBe(true);
  });

  it('has forgotten what QEMU wrote, whose flush succeeds all the same', async () => {
    await using server = await start();
    const image = `driver=nbd,server.type=unix,server.path=${workspace.peerPath('socket')},reconnect-delay=10`;
    const commands = ['write -P 0x11 0 4096', 'flush', 'read -P 0x11 0 4096'].flatMap((command) => ['-c', command]);
    const result = await runPeer('qemu-io', generation, ['-t', 'writeback', '--image-opts', ...commands, image]);
    expect(server.crashCount).toBe(1);
    expect(String(result.stdout)).toContain('wrote 4096/4096');
    expect(String(result.stdout)).toContain('Pattern verification failed');
    expect(server.durable.every((byte) => byte === 0)).toBe(true);
  });
});
