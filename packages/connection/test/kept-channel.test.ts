/** Both ends of a kept connection on one thread: the rules of channels, rings that are too small, and calls at unusual times. */
import { createServer, type Server, type Socket } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import type { ByteChannel } from '@nbdjs/interfaces';
import { brokenRecord, byteChannelConformance, type Relay, relay, seededRandom } from '@nbdjs/testkit';
import { connectTcp, createMemoryPair, createTlsClient, createTlsServer } from '@nbdjs/transport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CallerEnd } from '../src/kept/caller-end.ts';
import { PollLoop } from '../src/kept/poll-loop.ts';
import { allocateLink, type RingSizes } from '../src/kept/ring-link.ts';
import { WorkerEnd } from '../src/kept/worker-end.ts';
import { Probe } from './support/probe.ts';

const sockets = new Set<Socket>();
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as { port: number });
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** Puts two rings between a channel and its user. */
function keep(channel: ByteChannel, sizes: RingSizes = {}): ByteChannel {
  const { port1, port2 } = new MessageChannel();
  const memory = allocateLink(sizes);
  new WorkerEnd(channel, memory, port1, new PollLoop());
  return new CallerEnd(memory, port2, channel.peer);
}

const resetAll = (): void => {
  for (const socket of sockets) socket.resetAndDestroy();
};

for (const [name, sizes] of Object.entries({
  'kept by another thread': {},
  'kept, with small rings': { receiveBytes: 4096, sendBytes: 4096 },
} satisfies Record<string, RingSizes>)) {
  byteChannelConformance(name, {
    connect: async () => keep(await connectTcp({ host: '127.0.0.1', port }), sizes),
    kill: resetAll,
    fail: resetAll,
  });
  byteChannelConformance(`${name}, from memory`, {
    connect: async () => {
      const [ours, theirs] = createMemoryPair({ capacityBytes: 10_000, cut: cutter() });
      echo(theirs);
      return keep(ours, sizes);
    },
  });
}

const key = new Uint8Array(32).fill(7);
const tlsServer = createTlsServer({ psk: { keys: { alice: key } } });
const tlsClient = createTlsClient({ psk: { user: 'alice', key } });
let between: Relay | undefined;

byteChannelConformance('kept, in TLS', {
  connect: async () => {
    const [ours, left] = createMemoryPair();
    const [right, theirs] = createMemoryPair();
    between = relay(left, right);
    void tlsServer.upgrade(theirs).then(echo);
    return keep(await tlsClient.upgrade(ours));
  },
  fail: () => between?.slipIn(brokenRecord),
});

function cutter(): () => number {
  const random = seededRandom(5);
  return () => 1 + Math.floor(random() * 9000);
}

function echo(channel: ByteChannel): void {
  let memory = new Uint8Array(0);
  channel.open({
    writable: () => {
      memory = new Uint8Array(4096);
      return memory;
    },
    advance: (byteCount) => {
      if (!channel.send([memory.subarray(0, byteCount)])) channel.pause(true);
    },
    drained: () => channel.pause(false),
    ended: () => channel.end(),
  });
}

describe('a kept connection', () => {
  it('delays bytes with which its sink can do nothing yet, and delivers them in the end', async () => {
    const [ours, theirs] = createMemoryPair();
    const channel = keep(ours);
    const memory = new Uint8Array(200_000);
    let missing = memory.length;
    let deliveries = 0;
    channel.open({
      writable: () => memory,
      advance: (byteCount) => {
        deliveries++;
        missing -= byteCount;
      },
      get missing() {
        return missing;
      },
      drained() {},
      ended() {},
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    // In separate turns, as records come.
    for (let piece = 0; piece < 190; piece++) {
      theirs.send([new Uint8Array(1000)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => missing).toBe(10_000);
    expect(deliveries).toBeLessThan(100);
    theirs.send([new Uint8Array(10_000)]);
    await expect.poll(() => missing).toBe(0);
    channel.destroy();
    await channel.closed;
  });

  it('announces a few bytes at once, and more soon, even while many arrive for other connections', async () => {
    const rounds = new PollLoop();
    let isOver = false;
    const busy = { poll: () => !isOver };
    const endMs = performance.now() + 5000;
    const stir = (): void => {
      rounds.join(busy);
      if (!isOver && performance.now() < endMs) setImmediate(stir);
    };
    stir();
    try {
      for (const length of [1, 200_000]) {
        const [ours, theirs] = createMemoryPair();
        const memory = allocateLink();
        const { port1, port2 } = new MessageChannel();
        new WorkerEnd(ours, memory, port1, rounds);
        const owner = new CallerEnd(memory, port2, ours.peer);
        const probe = new Probe(owner);
        theirs.send([new Uint8Array(length)]);
        expect((await probe.take(length)).length).toBe(length);
        owner.destroy();
        await owner.closed;
      }
    } finally {
      isOver = true;
    }
  });

  it('delivers what came before the end, even when it is opened later', async () => {
    const [ours, theirs] = createMemoryPair();
    theirs.send([Uint8Array.of(1, 2, 3)]);
    theirs.end();
    const owner = keep(ours);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const probe = new Probe(owner);
    expect(await probe.take(3)).toEqual(Uint8Array.of(1, 2, 3));
    await probe.until(() => probe.end !== undefined);
    expect(probe.end).toEqual({ cause: undefined });
    owner.end();
    expect(await owner.closed).toEqual({ by: 'peer' });
  });

  it('is closed when the thread that keeps it disappears', async () => {
    const { port1, port2 } = new MessageChannel();
    const owner = new CallerEnd(allocateLink(), port2, { name: 'somewhere', transport: 'tcp', tls: false });
    const probe = new Probe(owner);
    port1.close();
    await probe.until(() => probe.end !== undefined);
    expect(probe.end?.cause).toMatchObject({ code: 'ERR_NBD_WORKER' });
    expect(await owner.closed).toMatchObject({ by: 'error', cause: { code: 'ERR_NBD_WORKER' } });
  });

  it('keeps the process alive if that is set, and else does not', async () => {
    const ports = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
    const [ours] = createMemoryPair();
    const before = ports();
    const owner = keep(ours);
    const both = ports();
    expect(both).toBe(before + 2);
    owner.keepAlive(false);
    expect(ports()).toBe(both - 1);
    owner.keepAlive(true);
    expect(ports()).toBe(both);
    owner.destroy();
    await owner.closed;
    await expect.poll(ports).toBe(before);
  });

  it('closes its socket when its owner disappears', async () => {
    const { port1, port2 } = new MessageChannel();
    const [ours] = createMemoryPair();
    new WorkerEnd(ours, allocateLink(), port1, new PollLoop());
    port2.close();
    expect(await ours.closed).toMatchObject({ by: 'us' });
  });

  it('sends the bytes that it was given before it is destroyed', async () => {
    const [ours, theirs] = createMemoryPair();
    const probe = new Probe(theirs);
    const owner = keep(ours);
    owner.send([Uint8Array.of(4, 5)]);
    owner.destroy();
    expect(await probe.take(2)).toEqual(Uint8Array.of(4, 5));
    expect(await owner.closed).toEqual({ by: 'us', cause: undefined });
    expect(await ours.closed).toMatchObject({ by: 'us' });
  });

  it('can be destroyed while it is paused and the peer has disconnected', async () => {
    const [ours, theirs] = createMemoryPair();
    const owner = keep(ours);
    const probe = new Probe(owner);
    owner.pause(true);
    theirs.send([Uint8Array.of(1)]);
    theirs.destroy();
    owner.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(probe.end).toBeUndefined();
    owner.destroy();
    await owner.closed;
    expect(probe.end).toBeDefined();
  });

  it('keeps every byte in order under random pauses, both ways at once', async () => {
    const [ours, theirs] = createMemoryPair({ capacityBytes: 5000, cut: cutter() });
    echo(theirs);
    const owner = keep(ours, { receiveBytes: 8192, sendBytes: 4096 });
    const random = seededRandom(11);
    const total = 2_000_000;
    let sent = 0;
    let received = 0;
    let isFree = true;
    const done = new Promise<void>((resolve) => {
      const memory = new Uint8Array(7000);
      owner.open({
        writable: () => memory.subarray(0, 1 + Math.floor(random() * memory.length)),
        advance: (byteCount) => {
          for (let index = 0; index < byteCount; index++) {
            if (memory[index] !== (received + index) % 251) throw new Error(`wrong byte at ${received + index}`);
          }
          received += byteCount;
          if (random() < 0.05) {
            owner.pause(true);
            setTimeout(() => owner.pause(false), random() * 2);
          }
          if (received === total) resolve();
        },
        drained: () => {
          isFree = true;
          fill();
        },
        ended: () => resolve(),
      });
    });
    const fill = () => {
      while (isFree && sent < total) {
        const chunk = new Uint8Array(Math.min(total - sent, 1 + Math.floor(random() * 6000)));
        for (let index = 0; index < chunk.length; index++) chunk[index] = (sent + index) % 251;
        sent += chunk.length;
        isFree = owner.send([chunk.subarray(0, 100), chunk.subarray(100)]);
      }
    };
    fill();
    await done;
    expect(received).toBe(total);
    owner.destroy();
    await owner.closed;
  });
});
