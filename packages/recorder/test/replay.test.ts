/** Replaying a recording: the same server gives the same answers, and another one differs where it differs. */
import { createHash } from 'node:crypto';
import { createInlineConnector, createOpenerConnector } from '@nbdjs/connection';
import type { Established } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import {
  type ConnectionEntry,
  type ReadEntry,
  type ReplayDifference,
  type ReplayOptions,
  type ReplayWish,
  replayRecording,
} from '../src/index.ts';
import { throughProxy } from './through-proxy.ts';
import { pattern } from './transcripts.ts';

const size = 1024 * 1024;

/** A server of its own, with something in it. */
async function serverWith(change: (device: ReturnType<typeof createMemoryDevice>) => unknown) {
  const device = createMemoryDevice({ size });
  await device.write(0, pattern(200_000));
  await change(device);
  const server = createServer({ exports: { '': { device } } });
  const wishes: ReplayWish[] = [];
  const connect = async (wish: ReplayWish): Promise<Established> => {
    wishes.push(wish);
    const { mode, contexts, exportName } = wish;
    const opener = {
      open: () => {
        const [ours, theirs] = createMemoryPair();
        void server.accept(theirs);
        return ours;
      },
    };
    const connector = createOpenerConnector({ opener, handshake: { mode, contexts, exportName } });
    return await connector.establish({ wait: true }).finally(() => connector.release());
  };
  return { connect, wishes, device, [Symbol.asyncDispose]: () => server.close() };
}

async function* of(entries: readonly ConnectionEntry[]): AsyncGenerator<ReadEntry, void, void> {
  yield* entries;
}

/** A session with reads, writes, extents and a failure. */
async function recorded(mode: 'simple' | 'structured' | 'extended', payload: 'none' | 'hash' | 'full') {
  const through = await throughProxy({ payload });
  const setUp = await through.connect();
  await setUp.write(0, pattern(200_000));
  await setUp.close();
  await expect.poll(() => through.ends.length).toBe(1);
  through.entries.length = 0;
  const client = await through.connect({ mode });
  await Promise.all([0, 1, 2, 3].map((index) => client.readBytes(index * 60_000, 60_000)));
  await client.write(500_000, pattern(1000, 3));
  if (mode !== 'simple') await client.blockStatus?.(0, size);
  await client.flush();
  await client.readBytes(499_000, 3000);
  await client.close();
  await expect.poll(() => through.ends.length).toBe(2);
  await through[Symbol.asyncDispose]();
  return through.entries;
}

async function replay(
  entries: readonly ConnectionEntry[],
  options: Pick<ReplayOptions, 'connect'> & Partial<ReplayOptions>,
) {
  const differences: ReplayDifference[] = [];
  const report = await replayRecording(of(entries), {
    clock: systemClock,
    createHash: () => createHash('sha256'),
    onDifference: (difference) => differences.push(difference),
    ...options,
  });
  return { report, differences };
}

describe.each(['simple', 'structured', 'extended'] as const)('with %s replies', (mode) => {
  it('finds no difference at an equal server', async () => {
    for (const payload of ['none', 'hash', 'full'] as const) {
      const entries = await recorded(mode, payload);
      await using server = await serverWith((device) => device.write(500_000, pattern(1000, 3)));
      const { report, differences } = await replay(entries, { connect: server.connect });
      expect(differences).toEqual([]);
      expect(server.wishes).toEqual([{ exportName: '', mode, contexts: mode === 'simple' ? [] : ['base:allocation'] }]);
      expect(report).toMatchObject({
        differences: 0,
        unanswered: 0,
        skipped: { writes: 1, payload: 0, lost: 0, length: 0 },
      });
      expect(report.compared).toBe(report.requests);
      expect(report.requests).toBeGreaterThan(5);
    }
  });

  it('reports the bytes that differ', async () => {
    const entries = await recorded(mode, 'full');
    await using server = await serverWith((device) => device.write(61_234, Uint8Array.of(0xaa, 0xbb)));
    const { report, differences } = await replay(entries, { connect: server.connect });
    expect(differences[0]).toMatchObject({ command: 'READ', connection: 2, offset: 61_234n, what: 'the data differs' });
    expect(differences[0]?.got).toMatch(/^aabb/);
    expect(differences[0]?.expected).toBe(Buffer.from(pattern(200_000).subarray(61_234, 61_234 + 32)).toString('hex'));
    // The write was not sent, so that what it has written is missing.
    expect(differences.at(-1)).toMatchObject({ command: 'READ', offset: 500_000n });
    expect(report.differences).toBe(differences.length);
  });

  it('finds them by their hashes', async () => {
    const entries = await recorded(mode, 'hash');
    await using server = await serverWith((device) => device.write(61_234, Uint8Array.of(0xaa)));
    const { differences } = await replay(entries, { connect: server.connect });
    expect(differences.length).toBeGreaterThan(0);
    expect(differences[0]?.what).toMatch(/SHA-256|not zero/);
  });

  it('writes where that is asked for', async () => {
    const entries = await recorded(mode, 'full');
    await using server = await serverWith(async () => {});
    const { report, differences } = await replay(entries, { connect: server.connect, destructive: true });
    expect(differences).toEqual([]);
    expect(report.skipped.writes).toBe(0);
    const bytes = new Uint8Array(1000);
    await server.device.read(500_000, bytes);
    expect(bytes).toEqual(pattern(1000, 3));
  });
});

it('does not write what it does not have', async () => {
  const entries = await recorded('extended', 'hash');
  await using server = await serverWith(async () => {});
  const { report } = await replay(entries, { connect: server.connect, destructive: true });
  expect(report.skipped).toMatchObject({ writes: 0, payload: 1 });
});

it('sees other extents', async () => {
  const entries = await recorded('extended', 'none');
  await using server = await serverWith(async (device) => {
    await device.write(500_000, pattern(1000, 3));
    await device.write(900_000, pattern(10));
  });
  const { differences } = await replay(entries, { connect: server.connect });
  expect(differences).toContainEqual(
    expect.objectContaining({
      command: 'BLOCK_STATUS',
      what: expect.stringMatching(/^the status in base:allocation is 0, expected 3/),
    }),
  );
});

it('keeps the recorded times', async () => {
  const through = await throughProxy();
  const client = await through.connect();
  await client.readBytes(0, 10);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await client.readBytes(0, 10);
  await client.close();
  await expect.poll(() => through.ends.length).toBe(1);
  await through[Symbol.asyncDispose]();
  await using server = await serverWith(async () => {});
  const took = async (speed: number | undefined): Promise<number> => {
    const before = performance.now();
    await replay(through.entries, { connect: server.connect, speed });
    return performance.now() - before;
  };
  expect(await took(1)).toBeGreaterThan(190);
  expect(await took(4)).toBeGreaterThan(45);
});

it('a server that is lost is a difference, and the rest is not sent', async () => {
  const entries = await recorded('structured', 'none');
  await using server = await serverWith(async () => {});
  const connect = async (wish: ReplayWish): Promise<Established> => {
    const established = await server.connect(wish);
    setImmediate(() => established.channel.destroy());
    return established;
  };
  const { report, differences } = await replay(entries, { connect });
  expect(differences).toHaveLength(1);
  expect(differences[0]?.what).toMatch(/^the connection is lost/);
  expect(report.skipped.lost).toBeGreaterThan(0);
});

it('a server that is not there is an error', async () => {
  const entries = await recorded('structured', 'none');
  const connect = (): Promise<Established> => {
    const connector = createInlineConnector({ endpoint: { type: 'unix', path: '/nonexistent' } });
    return connector.establish({ wait: true }).finally(() => connector.release());
  };
  await expect(replay(entries, { connect })).rejects.toMatchObject({ name: 'ConnectError' });
});
