/**
 * Many clients at once, and clients that vanish: nothing is lost, leaked or left running.
 *
 * @module-tag slow
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { encodeClientFlags, encodeOption, Option, writeRequest } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { connectUnix, type Listener, listen } from '@nbdjs/transport';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { connectTo, RawClient } from './support.ts';
import { asynchronous, wrapped } from './wrapped-device.ts';

const mebi = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
const path = join(folder, 'socket');
let listener: Listener;
let server: Server;

async function start(made: Server): Promise<void> {
  server = made;
  listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
}

beforeEach(() => {
  const exports = { '': createMemoryDevice({ size: 256 * mebi }) };
  return start(createServer({ exports, limits: { handshakeMs: 60_000 } }));
});

afterEach(async () => {
  await listener.close();
  await server.destroy();
  expect(readdirSync(folder)).toEqual([]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const uri = `nbd+unix:///?socket=${path}`;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('a crowd', () => {
  it('of 200 clients at once, each with an area of its own, is served without a wrong byte', async () => {
    const area = mebi;
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 10);
    const before = process.memoryUsage().rss;
    await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        await using client = await connect(uri, { delivery: 'inline', handshakeTimeoutMs: 60_000 });
        const random = seededRandom(number);
        const model = new Uint8Array(area);
        const base = number * area;
        for (let round = 0; round < 10; round++) {
          const offset = Math.floor(random() * (area - 70_000));
          const key = Math.floor(random() * 2 ** 32);
          const piece = new Uint8Array(Math.floor(random() * 70_000)).map(
            (_, index) => Math.imul(index, 2654435761) ^ key,
          );
          model.set(piece, offset);
          await client.write(base + offset, piece);
        }
        const seen = new Uint8Array(area);
        await client.read(base, seen);
        expect(Buffer.compare(seen, model)).toBe(0);
      }),
    );
    clearInterval(timer);
    console.log(`200 clients: memory grew by ${((peak - before) / mebi).toFixed(0)} MiB at most`);
    await expect.poll(() => server.sessions.length).toBe(0);
    expect(server.bytesInFlight).toBe(0);
  }, 120_000);

  it('of clients that vanish in the handshake, in a write, in a read, leaves nothing behind and disturbs no other client', async () => {
    await using witness = await connect(uri, { delivery: 'inline' });
    const before = descriptors();
    const random = seededRandom(1);
    let watching = true;
    const watch = (async () => {
      const bytes = new Uint8Array(10_000).fill(3);
      const seen = new Uint8Array(10_000);
      while (watching) {
        await witness.write(200 * mebi, bytes);
        await witness.read(200 * mebi, seen);
        expect(seen).toEqual(bytes);
      }
    })();
    for (let count = 0; count < 1000; count++) await vanish(random);
    watching = false;
    await watch;
    await expect.poll(() => server.sessions.length).toBe(1);
    await expect.poll(() => server.bytesInFlight).toBe(0);
    await expect.poll(descriptors).toBeLessThanOrEqual(before);
  }, 120_000);
});

/** A client that sends so many bytes of a session and is gone. */
async function vanish(random: () => number): Promise<void> {
  const request = (type: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(28);
    writeRequest(new DataView(bytes.buffer), 0, 0, type, 0, 1, 0, 0, length);
    return bytes;
  };
  const words = Buffer.concat([
    encodeClientFlags(3),
    encodeOption(Option.StructuredReply),
    encodeOption(Option.Go, new Uint8Array(6)),
    ...Array.from({ length: 8 }, () => request(0, 500_000)),
    request(1, 300_000),
    new Uint8Array(300_000),
  ]);
  const channel = await connectUnix(path);
  channel.open({ writable: () => new Uint8Array(1000), advance() {}, drained() {}, ended: () => channel.destroy() });
  channel.pause(true);
  const cut = random() < 0.4 ? Math.floor(random() * 60) : Math.floor(random() * words.length);
  channel.send([words.subarray(0, cut)]);
  for (let turns = Math.floor(random() * 4); turns > 0; turns--) await new Promise((next) => setImmediate(next));
  channel.destroy();
  await channel.closed;
}

describe('limits', () => {
  it('a client that does not read costs no more than its limit, and other clients nothing', async () => {
    const small = createServer({
      exports: { '': createMemoryDevice({ size: 64 * mebi }) },
      limits: { unsentBytesMax: 256 * 1024, closeMs: 100 },
    });
    await (await connectTo(small)).write(0, new Uint8Array(mebi).fill(1));
    const lazy = await RawClient.connect(small, 'simple');
    lazy.channel.pause(true);
    lazy.send(...Array.from({ length: 300 }, () => ({ type: 0, length: mebi })));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { readBytes } = small.statistics;
    expect(readBytes).toBeLessThan(8 * mebi);
    const other = await connectTo(small);
    const target = new Uint8Array(mebi);
    await other.read(0, target);
    expect(target.every((byte) => byte === 1)).toBe(true);
    lazy.channel.pause(false);
    await lazy.until(() => lazy.replies.length === 300);
    await small.destroy();
    expect(small.bytesInFlight).toBe(0);
  });

  it('a device works on so many requests of one client, and on so many bytes of all of them', async () => {
    let atWork = 0;
    let most = 0;
    const device = wrapped(createMemoryDevice({ size: 64 * mebi }), async (_, go) => {
      most = Math.max(most, ++atWork);
      await new Promise((next) => setImmediate(next));
      atWork--;
      return go();
    });
    const byCount = createServer({ exports: { '': device }, limits: { requestsInFlightMax: 3 } });
    const client = await connectTo(byCount);
    await Promise.all(Array.from({ length: 100 }, () => client.read(0, new Uint8Array(4096))));
    expect(most).toBe(3);
    most = 0;
    const byBytes = createServer({ exports: { '': device }, limits: { serverBytesMax: 200_000 } });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectTo(byBytes)));
    await Promise.all(clients.flatMap((one) => Array.from({ length: 20 }, () => one.read(0, new Uint8Array(40_000)))));
    expect(most).toBe(2);
    await Promise.all(clients.map((one) => one.read(0, new Uint8Array(200_000))));
    await byCount.destroy();
    await byBytes.destroy();
    expect(byBytes.bytesInFlight).toBe(0);
  });

  it('clients beyond the limit wait for their turn, and beyond that are refused in words', async () => {
    const device = createMemoryDevice({ size: mebi });
    const full = createServer({ exports: { '': device }, limits: { connectionsMax: 1, waitingMax: 1 } });
    const first = await connectTo(full);
    let isThere = false;
    const second = connectTo(full).then((client) => {
      isThere = true;
      return client;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isThere).toBe(false);
    await expect(connectTo(full)).rejects.toMatchObject({
      code: 'ERR_NBD_POLICY',
      message: expect.stringContaining('1 client at a time can use the exports, and all places are taken'),
    });
    await first.close();
    await (await second).close();
    await full.close();
  });

  it('a client that takes too long over its handshake is cut off', async () => {
    const impatient = createServer({
      exports: { '': createMemoryDevice({ size: mebi }) },
      limits: { handshakeMs: 30 },
    });
    await listener.close();
    await start(impatient);
    const channel = await connectUnix(path);
    channel.open({ writable: () => new Uint8Array(100), advance() {}, drained() {}, ended: () => channel.destroy() });
    await channel.closed;
    await expect.poll(() => impatient.sessions.length).toBe(0);
  });

  it.each([
    [{ payloadBytesMax: 0 }, /payloadBytesMax is 0/],
    [{ payloadBytesMax: 2 ** 27 }, /payloadBytesMax/],
    [{ connectionsMax: -1 }, /connectionsMax is -1/],
    [{ closeMs: 1.5 }, /closeMs is 1.5/],
  ])('%j is refused', (limits, message) => {
    expect(() => createServer({ exports: {}, limits })).toThrow(message);
  });
});

describe('exports', () => {
  it('a provider decides per client, is asked once for each name, and hears when the client has gone', async () => {
    const asked: string[] = [];
    let released = 0;
    const device = asynchronous(createMemoryDevice({ size: mebi }));
    const choosy = createServer({
      exports: {
        async open(name, { peer }) {
          asked.push(`${name} ${peer.transport}`);
          return name === 'mine' ? { device, release: () => released++ } : undefined;
        },
        list: async () => [{ name: 'mine', description: 'all mine' }],
      },
    });
    const client = await connectTo(choosy, 'extended', 'mine');
    expect(asked).toEqual(['mine memory']);
    expect(released).toBe(0);
    await client.close();
    await expect.poll(() => released).toBe(1);
    await expect(connectTo(choosy, 'extended', 'yours')).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
    await choosy.close();
  });

  it('a provider that fails refuses, with its text', async () => {
    const broken = createServer({
      exports: {
        open() {
          throw new Error('the cupboard is bare');
        },
      },
    });
    await expect(connectTo(broken)).rejects.toThrow(/cupboard/);
    await broken.close();
  });

  it('names that cannot travel are refused at once', () => {
    const device = createMemoryDevice({ size: 1 });
    expect(() => createServer({ exports: { ['a'.repeat(4097)]: device } })).toThrow(/4096/);
    expect(() => createServer({ exports: { x: { device, description: 'nul\0' } } })).toThrow(/NUL/);
  });
});
