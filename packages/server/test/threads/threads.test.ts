/**
 * Sessions in several threads keep every promise that those of one thread keep.
 *
 * @module-tag slow
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from '@nbdjs/protocol';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createThreadedServer, type ServerEvents } from '../../src/index.ts';
import { header, wayIn } from '../hostile-client.ts';
import { openDescriptors, startThreaded } from './support.ts';

function recorder() {
  const events: { readonly event: keyof ServerEvents; readonly fields: Record<string, unknown> }[] = [];
  return {
    events,
    enabled: true,
    emit(event: keyof ServerEvents, fields: object) {
      events.push({ event, fields: fields as Record<string, unknown> });
    },
    of: (name: keyof ServerEvents) => events.filter(({ event }) => event === name).map(({ fields }) => fields),
  };
}

describe('a server with threads', () => {
  it('spreads clients evenly, and each sees at once what the others have written', async () => {
    const { serving, connect, path } = await startThreaded({ count: 2 });
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect()));
    for (const [index, client] of clients.entries()) {
      await client.write(index * 4096, new Uint8Array(4096).fill(index + 1));
      for (const reader of clients) {
        const target = new Uint8Array(4096);
        await reader.read(index * 4096, target);
        expect(target.every((byte) => byte === index + 1)).toBe(true);
      }
    }
    await clients[3]?.flush();
    expect(readFileSync(path)[3 * 4096]).toBe(4);
    expect(serving.server.sessions).toHaveLength(4);
    const { requests, writtenBytes, readBytes } = serving.server.statistics;
    expect({ requests, writtenBytes, readBytes }).toEqual({
      requests: 21,
      writtenBytes: 4 * 4096,
      readBytes: 16 * 4096,
    });
    expect(serving.server.statisticsOf('disk').requests).toBe(21);
    expect(serving.server.sessions.map(({ facts }) => facts?.exportName)).toEqual(Array(4).fill('disk'));
  });

  it('counts those that are gone, and leaves no descriptor behind', async () => {
    const before = openDescriptors();
    const { serving, connect } = await startThreaded({ count: 3 });
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => connect()));
      await Promise.all(clients.map((client) => client.write(0, new Uint8Array(512))));
      await Promise.all(clients.map((client) => client.close()));
    }
    await expect.poll(() => serving.server.sessions.length).toBe(0);
    expect(serving.server.clients.accepted).toBe(100);
    expect(serving.server.statistics.writtenBytes).toBe(100 * 512);
    await serving.close();
    expect(openDescriptors()).toBe(before);
  });

  it('announces several connections only where the storage is shared', async () => {
    const shared = await startThreaded();
    expect((await shared.connect()).abilities.multiConn).toBe(true);
    const apart = await startThreaded({ data: { isShared: false } });
    expect((await apart.connect()).abilities.multiConn).toBe(false);
  });

  it('publishes the events of all threads, with their errors', async () => {
    const trace = recorder();
    const { serving, connect } = await startThreaded({ trace });
    await connect();
    await expect(connect('missing')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_NBD/) });
    await expect.poll(() => trace.of('closed').length).toBe(1);
    expect(trace.of('established')).toMatchObject([{ peer: { transport: 'unix' }, facts: { exportName: 'disk' } }]);
    await serving.close();
    expect(trace.of('closed')).toHaveLength(2);
    expect(trace.of('thread-ended')).toHaveLength(0);
  });

  it('refuses exports whose size clients may change', async () => {
    await expect(startThreaded({ data: { isResizable: true } })).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: expect.stringContaining("export 'disk' is resizable, which is not possible with threads"),
    });
  });

  it('does not start when one thread cannot open its exports, and leaves nothing behind', async () => {
    const before = openDescriptors();
    await expect(startThreaded({ data: { failure: 'no such image' } })).rejects.toThrow('no such image');
    expect(openDescriptors()).toBe(before);
  });

  it('says in words what is wrong with its options', async () => {
    const detach = () => undefined;
    await expect(createThreadedServer({ threads: { module: '/nowhere.mjs', detach, count: 0 } })).rejects.toMatchObject(
      {
        code: 'ERR_NBD_ARGUMENT',
        message: 'createThreadedServer: threads: count is 0, expected a whole number from 1 to 256',
      },
    );
    await expect(createThreadedServer({ threads: { module: '/nowhere.mjs', detach } })).rejects.toThrow('nowhere.mjs');
  });

  it('refuses a channel that is no socket, in words', async () => {
    const trace = recorder();
    const { serving } = await startThreaded({ trace });
    const [channel] = createMemoryPair();
    await serving.server.accept(channel);
    expect(trace.of('handshake-failed')).toMatchObject([{ error: { code: 'ERR_NBD_NOT_SUPPORTED' } }]);
  });
});

describe('TLS of a server with threads', () => {
  it('identifies the clients, and is set up again in all threads or in none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nbdjs-threads-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'keys.psk');
    const key = (fill: number) => Buffer.alloc(32, fill);
    writeFileSync(file, `alice:${key(1).toString('hex')}\n`, { mode: 0o600 });
    const { serving, connect } = await startThreaded({ data: { tls: { psk: { file } } } });
    expect(serving.uri).toMatch(/^nbds\+unix:/);
    const alice = { tls: { psk: { user: 'alice', key: key(1) } } };
    const bob = { tls: { psk: { user: 'bob', key: key(2) } } };
    const first = await connect('disk', alice);
    await first.write(0, new Uint8Array(512).fill(9));
    expect(serving.server.sessions).toMatchObject([{ tls: { user: 'alice' }, peer: { tls: true } }]);
    await expect(connect('disk', bob)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_NBD/) });
    writeFileSync(file, 'no keys at all\n');
    await expect(serving.server.reloadTls()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_NBD/) });
    await (await connect('disk', alice)).read(0, new Uint8Array(512));
    writeFileSync(file, `bob:${key(2).toString('hex')}\n`);
    await serving.server.reloadTls();
    for (let index = 0; index < 3; index++) await (await connect('disk', bob)).read(0, new Uint8Array(512));
    await first.read(0, new Uint8Array(512));
  });
});

describe('limits of a server with threads', () => {
  it('lets no more clients use an export than there are places, over all threads and under races', async () => {
    const { serving, connect } = await startThreaded({ count: 3, limits: { connectionsMax: 5, waitMs: 0 } });
    let most = 0;
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const client = await connect();
        most = Math.max(most, serving.server.sessions.filter(({ facts }) => facts !== undefined).length);
        await client.write(0, new Uint8Array(512));
        await client.close();
      }),
    );
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(5);
  });

  it('refuses those that wait in vain, and counts them', async () => {
    const { serving, connect } = await startThreaded({ limits: { connectionsMax: 2, waitMs: 100 } });
    await connect();
    await connect();
    await expect(connect()).rejects.toThrow('2 clients at a time can use the exports');
    expect(serving.server.clients.refused['no-place']).toBe(1);
  });

  it('cuts off a client without progress in one thread for one that waits in another', async () => {
    const trace = recorder();
    const { serving, connect } = await startThreaded({
      limits: { connectionsMax: 1, waitMs: 0, placeMs: 300 },
      trace,
    });
    const stuck = createConnection(serving.address.path);
    stuck.on('error', () => {});
    stuck.write(Buffer.concat([wayIn, header(Command.Write, 0, 4096)]));
    await expect.poll(() => serving.server.sessions[0]?.facts).toBeDefined();
    await connect();
    expect(trace.of('cut-off')).toMatchObject([{ reason: 'place', error: { code: expect.any(String) } }]);
    expect(serving.server.clients.cutOff.place).toBe(1);
  });

  it('keeps all clients within the memory of the server, and serves them all', async () => {
    const serverBytesMax = 2 * 2 ** 20;
    const { serving, connect } = await startThreaded({
      count: 3,
      bytes: 4 * 2 ** 20,
      limits: { serverBytesMax, pressureMs: 0 },
    });
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, serving.server.bytesInFlight);
    }, 1);
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect()));
    await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 20 }, (_, index) => client.write((index % 8) * 2 ** 19, new Uint8Array(2 ** 19).fill(7))),
      ),
    );
    clearInterval(timer);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(serverBytesMax);
    await expect.poll(() => serving.server.bytesInFlight).toBe(0);
  });
});

describe('a thread that dies', () => {
  it('takes its clients with it, says so, and is replaced', async () => {
    const trace = recorder();
    const before = openDescriptors();
    const { serving, connect } = await startThreaded({ count: 2, trace });
    const [first, second] = [await connect(), await connect()];
    const victim = await connect('deadly');
    await expect(victim.read(0, new Uint8Array(512))).rejects.toMatchObject({ code: expect.any(String) });
    await expect.poll(() => trace.of('thread-ended').length).toBe(1);
    expect(trace.of('thread-ended')).toMatchObject([
      { isReplaced: true, sessions: 2, error: { message: 'a defect in a device' } },
    ]);
    // One of the two clients was in the other thread, and goes on.
    const results = await Promise.allSettled([first, second].map((client) => client.read(0, new Uint8Array(512))));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (let index = 0; index < 4; index++) await (await connect()).read(0, new Uint8Array(512));
    expect(serving.server.bytesInFlight).toBe(0);
    first.destroy();
    second.destroy();
    await serving.close();
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before + 4);
  });

  it('is replaced only so often; then clients are refused', async () => {
    const trace = recorder();
    const { serving, connect } = await startThreaded({ count: 1, replacementsMax: 1, trace });
    for (let round = 0; round < 2; round++) {
      const victim = await connect('deadly');
      await expect(victim.read(0, new Uint8Array(512))).rejects.toMatchObject({ code: expect.any(String) });
      await expect.poll(() => trace.of('thread-ended').length).toBe(round + 1);
    }
    await expect(connect()).rejects.toMatchObject({ code: expect.any(String) });
    expect(serving.server.clients.refused['no-thread']).toBe(1);
    expect(trace.of('thread-ended').map(({ isReplaced }) => isReplaced)).toEqual([true, false]);
  });

  it('does not keep the server from closing when it is busy for ever', async () => {
    const { serving, connect } = await startThreaded({ limits: { closeMs: 200 } });
    const other = await connect();
    const client = await connect('busy');
    client.read(0, new Uint8Array(512)).catch(() => {});
    await other.write(0, new Uint8Array(512));
    await serving.close();
    expect(serving.server.sessions).toHaveLength(0);
  });
});

it('closes in good order while it is under load: what was answered is in the file', async () => {
  const { serving, connect, path } = await startThreaded({ count: 2, bytes: 2 ** 20 });
  const written = new Set<number>();
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect('disk', { reconnectDelayMs: 0 })));
  const load = Promise.all(
    clients.map(async (client, number) => {
      for (let block = number; block < 256; block += 4) {
        await client.write(block * 4096, new Uint8Array(4096).fill(block + 1));
        written.add(block);
      }
    }),
  ).catch(() => {});
  await expect.poll(() => written.size).toBeGreaterThan(8);
  await serving.close();
  await load;
  const content = readFileSync(path);
  for (const block of written) expect(content[block * 4096]).toBe((block + 1) % 256);
});
