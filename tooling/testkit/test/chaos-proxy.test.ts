/** The proxy between plain sockets: an echo, a sink or a source at the far end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChaosPlan, ChaosProxy, listenAt, nodeAddress, patternBytes, type SocketAddress } from '../src/index.ts';

let folder: string;
let server: Server;
let proxy: ChaosProxy;
let sockets: Socket[];
/** What the target does with each client, in the order in which they came. */
let serve: (socket: Socket) => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
  sockets = [];
  serve = (socket) => void socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end());
  server = createServer({ allowHalfOpen: true }, (socket) => {
    keep(socket);
    serve(socket);
  });
});

afterEach(async () => {
  await proxy.close();
  expect(proxy.openCount).toBe(0);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function keep(socket: Socket): Socket {
  sockets.push(socket);
  return socket.on('error', () => {});
}

async function start(type: SocketAddress['type'], plan?: ChaosPlan, options: { reorder?: number } = {}): Promise<void> {
  const place = (name: string): SocketAddress =>
    type === 'tcp' ? { type, host: '127.0.0.1', port: 0 } : { type, path: join(folder, name) };
  const target = await listenAt(server, place('target'));
  const connectionPlan = plan === undefined ? undefined : () => plan;
  proxy = await ChaosProxy.start({ listen: place('proxy'), target, plan: connectionPlan, ...options });
}

/** A client's end, with all that it hears. */
class Peer {
  readonly socket: Socket;
  readonly ended: Promise<string>;
  bytes = Buffer.alloc(0);
  byteCount = 0;

  constructor() {
    this.socket = keep(connectSocket({ ...nodeAddress(proxy.address), allowHalfOpen: true }));
    this.socket.on('data', (bytes) => {
      this.byteCount += bytes.length;
      if (this.byteCount < 2 ** 20) this.bytes = Buffer.concat([this.bytes, bytes]);
    });
    this.ended = new Promise((resolve) => {
      this.socket.on('end', () => resolve('end'));
      this.socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    });
  }

  async hears(byteCount: number): Promise<Buffer> {
    await expect.poll(() => this.byteCount).toBeGreaterThanOrEqual(byteCount);
    return this.bytes.subarray(0, byteCount);
  }
}

const some = Buffer.from(patternBytes(10_000));

describe.each(['unix', 'tcp'] as const)('%s', (type) => {
  it('passes bytes both ways, and ends as they end', async () => {
    await start(type);
    const peer = new Peer();
    peer.socket.end(some);
    expect(await peer.ended).toBe('end');
    expect(peer.bytes.equals(some)).toBe(true);
    await expect.poll(() => proxy.openCount).toBe(0);
    expect(proxy.connections[0]?.isOver).toBe(true);
    expect(proxy.totals).toMatchObject({ up: { bytes: 10_000 }, down: { bytes: 10_000 } });
  });

  it.each([0, 1, 4999, 10_000])('cuts what the client hears at byte %i', async (cutAt) => {
    await start(type, { down: { cutAt } });
    const peer = new Peer();
    peer.socket.write(some);
    // As with any program, closing with bytes unread is a reset.
    expect(await peer.ended).toMatch(/end|ECONNRESET/);
    expect(peer.bytes.equals(some.subarray(0, cutAt))).toBe(true);
  });

  it.each([0, 1, 4999, 10_000])('cuts what the server hears at byte %i', async (cutAt) => {
    let heard = 0;
    const ended = new Promise((resolve) => {
      serve = (socket) =>
        void socket.on('end', resolve).on('data', (bytes) => {
          heard += bytes.length;
        });
    });
    await start(type, { up: { cutAt } });
    const peer = new Peer();
    peer.socket.write(some);
    await Promise.all([ended, peer.ended]);
    expect(heard).toBe(cutAt);
  });

  it('resets', async () => {
    await start(type);
    const peer = new Peer();
    peer.socket.write(some);
    await peer.hears(10_000);
    proxy.cutAll('reset');
    // A Unix socket knows no resets, only ends.
    expect(await peer.ended).toBe(type === 'tcp' ? 'ECONNRESET' : 'end');
  });

  it('refuses, and admits again', async () => {
    await start(type);
    const before = new Peer();
    before.socket.write('a');
    await before.hears(1);
    proxy.refuse();
    expect(await new Peer().ended).toBe(type === 'tcp' ? 'ECONNREFUSED' : 'ENOENT');
    before.socket.write('b');
    expect(String(await before.hears(2))).toBe('ab');
    await proxy.admit();
    const after = new Peer();
    after.socket.write('c');
    expect(String(await after.hears(1))).toBe('c');
  });
});

it('cuts the connection that brings the total to a number', async () => {
  await start('unix');
  proxy.totals.down.cutAt = 15_000;
  const [first, second] = [new Peer(), new Peer()];
  first.socket.write(some);
  await first.hears(10_000);
  second.socket.write(some);
  expect(await second.ended).toBe('end');
  expect(second.byteCount).toBe(5000);
  expect(proxy.live).toHaveLength(1);
});

it('stalls one direction, reads nothing meanwhile, and resumes', async () => {
  await start('unix', { down: { stallAt: 5000 } });
  const peer = new Peer();
  peer.socket.write(some);
  await peer.hears(5000);
  const [connection] = proxy.connections;
  expect(connection?.down.isStalled).toBe(true);
  // The other direction goes on until the echo is stuck: what is written is not all taken any more.
  const plenty = Buffer.alloc(4 * 2 ** 20);
  await expect.poll(() => peer.socket.write(plenty) || peer.socket.writableLength > 0).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(peer.byteCount).toBe(5000);
  connection?.down.resume();
  await peer.hears(10_000 + plenty.length);
  expect(peer.bytes.subarray(0, 10_000).equals(some)).toBe(true);
});

it('ends one direction, and lets the other one go on', async () => {
  await start('tcp', { down: { endAt: 3 } });
  const heard: string[] = [];
  serve = (socket) => void socket.on('data', (bytes) => heard.push(String(bytes))).write('hello');
  const peer = new Peer();
  expect(await peer.ended).toBe('end');
  expect(String(peer.bytes)).toBe('hel');
  peer.socket.write('still here');
  await expect.poll(() => heard.join('')).toBe('still here');
});

it('garbles one byte', async () => {
  await start('unix', { up: { corruptAt: 7000 } });
  const peer = new Peer();
  for (const part of [some.subarray(0, 6999), some.subarray(6999)]) {
    peer.socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const heard = await peer.hears(10_000);
  const wrong = [...heard].flatMap((byte, place) => (byte === some[place] ? [] : [place]));
  expect(wrong).toEqual([7000]);
});

it('delays each byte, not each answer', async () => {
  await start('unix', { up: { delayMs: 100 }, down: { delayMs: 100 } });
  const peer = new Peer();
  const startedAt = performance.now();
  for (let index = 0; index < 20; index++) {
    peer.socket.write(some.subarray(index * 500, (index + 1) * 500));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(peer.byteCount).toBe(0);
  expect((await peer.hears(10_000)).equals(some)).toBe(true);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200);
  expect(proxy.connections[0]?.down.bytes).toBe(10_000);
});

it('holds back the end of a connection as it does its bytes', async () => {
  serve = (socket) => void socket.write('the last words', () => socket.destroy());
  await start('tcp', { down: { delayMs: 100 } });
  const startedAt = performance.now();
  const peer = new Peer();
  expect(await peer.ended).toBe('end');
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(100);
  expect(String(peer.bytes)).toBe('the last words');

  proxy.plan = () => ({ down: { stallAt: 3 } });
  const stalled = new Peer();
  await stalled.hears(3);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(stalled.socket.readableEnded).toBe(false);
  proxy.connections[1]?.down.resume();
  expect(await stalled.ended).toBe('end');
  expect(String(stalled.bytes)).toBe('the last words');
});

it('needs a bounded memory under delay', { tags: ['slow'] }, async () => {
  const total = 256 * 2 ** 20;
  const piece = Buffer.alloc(2 ** 20, 1);
  serve = (socket) => {
    let left = total;
    const go = (): void => {
      for (; left > 0; left -= piece.length) {
        if (socket.write(piece)) continue;
        left -= piece.length;
        socket.once('drain', go);
        return;
      }
      socket.end();
    };
    go();
  };
  for (const delayMs of [0, 20]) {
    if (delayMs === 0) await start('unix', { down: { delayMs } });
    else proxy.plan = () => ({ down: { delayMs } });
    const startedAt = performance.now();
    const peer = new Peer();
    expect(await peer.ended).toBe('end');
    const seconds = (performance.now() - startedAt) / 1000;
    expect(peer.byteCount).toBe(total);
    expect(proxy.connections.at(-1)?.down.waitingBytesHigh).toBeLessThan(80 * 2 ** 20);
    console.log(`delayed by ${delayMs} ms: ${(total / seconds / 1e9).toFixed(2)} GB/s`);
  }
});

it('lets bytes trickle', async () => {
  await start('unix', { down: { bytesPerSecond: 100 } });
  const peer = new Peer();
  peer.socket.write(some);
  const startedAt = performance.now();
  await peer.hears(20);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150);
  const [connection] = proxy.connections;
  if (connection !== undefined) connection.down.bytesPerSecond = Number.POSITIVE_INFINITY;
  expect((await peer.hears(10_000)).equals(some)).toBe(true);
});

it('connects the second of two first', async () => {
  const seen: string[] = [];
  serve = (socket) => void socket.on('data', (bytes) => seen.push(String(bytes)));
  await start('unix', {}, { reorder: 2 });
  const first = new Peer();
  first.socket.write('first');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(proxy.connections).toHaveLength(0);
  new Peer().socket.write('second');
  await expect.poll(() => seen).toEqual(['second', 'first']);
});

it('takes connections and says nothing, or drops them', async () => {
  await start('unix');
  proxy.plan = (index) => ({ accept: index === 0 ? 'silent' : 'drop' });
  const silent = new Peer();
  silent.socket.write('anybody there?');
  expect(await new Peer().ended).not.toBe('');
  expect(silent.byteCount).toBe(0);
  expect(proxy.acceptedCount).toBe(2);
  expect(proxy.connections).toHaveLength(0);
});

it('ends a connection whose target is not there', async () => {
  await start('unix');
  proxy.target = { type: 'unix', path: join(folder, 'nobody') };
  expect(await new Peer().ended).toBe('end');
});

it('does the same in every run', async () => {
  const plans: number[][] = [];
  await start('unix');
  for (let run = 0; run < 2; run++) {
    const cuts: number[] = [];
    const other = await ChaosProxy.start({
      listen: { type: 'unix', path: join(folder, `other${run}`) },
      target: proxy.target,
      seed: 7,
      plan: (_index, random) => {
        cuts.push(Math.floor(random() * 1000));
        return { accept: 'drop' };
      },
    });
    for (let count = 0; count < 3; count++) {
      const socket = keep(connectSocket(nodeAddress(other.address)));
      await new Promise((resolve) => socket.once('close', resolve).resume());
    }
    await other.close();
    plans.push(cuts);
  }
  expect(plans[0]).toHaveLength(3);
  expect(plans[0]).toEqual(plans[1]);
});
