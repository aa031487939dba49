/** Several servers for one export: which of them is connected to, and when another one is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createSocketServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '@nbdjs/connection';
import type { BlockDevice } from '@nbdjs/interfaces';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { capabilities } from '@nbdjs/syscalls';
import { patternBytes } from '@nbdjs/testkit';
import { type Listener, listen } from '@nbdjs/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectOptions, type ConnectTarget, connect, type NbdClient } from '../src/index.ts';

const deliveries: readonly Delivery[] = capabilities().duplicateDescriptor
  ? ['inline', 'handed-over', 'kept']
  : ['inline', 'kept'];

const content = patternBytes(64 * 1024);
let folder: string;
let disk: NbdClient | undefined;
const hosts: Host[] = [];

/** One server, which can be stopped and started again on its socket. */
class Host {
  readonly path: string;
  readonly uri: string;
  #server: Server | undefined;
  #listener: Listener | undefined;

  constructor(name: string) {
    this.path = join(folder, name);
    this.uri = `nbd+unix:///?socket=${this.path}`;
    hosts.push(this);
  }

  get sessions(): number {
    return this.#server?.sessions.length ?? 0;
  }

  async start(device: BlockDevice, limits: { readonly connectionsMax?: number } = {}): Promise<this> {
    const server = createServer({ exports: { '': device }, limits });
    this.#listener = await listen({ type: 'unix', path: this.path }, (channel) => void server.accept(channel));
    this.#server = server;
    return this;
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
    await this.#server?.destroy();
    this.#server = undefined;
  }
}

async function device(size = content.length): Promise<BlockDevice> {
  const memory = createMemoryDevice({ size });
  await memory.write(0, content.subarray(0, size));
  return memory;
}

async function open(targets: readonly ConnectTarget[], options: ConnectOptions = {}): Promise<NbdClient> {
  disk = await connect(targets, options);
  return disk;
}

const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('this was to fail'),
    (error: Error) => error,
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-failover-'));
});

afterEach(async () => {
  disk?.destroy();
  disk = undefined;
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  rmSync(folder, { recursive: true });
});

describe.each(deliveries)('several servers, %s', (delivery) => {
  it('are tried in their order', async () => {
    const [absent, first, second] = [new Host('absent'), new Host('first'), new Host('second')];
    await Promise.all([first.start(await device()), second.start(await device())]);
    const client = await open([absent.uri, first.uri, second.uri], { delivery });
    expect(client.name).toBe(`${absent.uri}, ${first.uri}, ${second.uri}`);
    expect(await client.readBytes(0, 512)).toEqual(content.slice(0, 512));
    expect([first.sessions, second.sessions]).toEqual([1, 0]);
  });

  it('take over from each other, and what was in flight is sent again', async () => {
    const [one, other] = [new Host('one'), new Host('other')];
    // One device, as with servers in front of shared storage.
    const shared = await device();
    await Promise.all([one.start(shared), other.start(shared)]);
    const client = await open([one.uri, other.uri], { delivery, reconnectDelayMs: 20_000 });
    await client.write(0, new Uint8Array(512).fill(7));
    const reads = Promise.all(Array.from({ length: 16 }, (_, index) => client.readBytes(index * 1024, 512)));
    await one.stop();
    expect((await reads)[1]).toEqual(content.slice(1024, 1536));
    expect(await client.readBytes(0, 512)).toEqual(new Uint8Array(512).fill(7));
    expect(other.sessions).toBe(1);
    // And back: the one that is connected to is tried first, so the first one is used again only now.
    await one.start(shared);
    expect(await client.readBytes(1024, 512)).toEqual(content.slice(1024, 1536));
    expect([one.sessions, other.sessions]).toEqual([0, 1]);
    await other.stop();
    expect(await client.readBytes(1024, 512)).toEqual(content.slice(1024, 1536));
    expect(one.sessions).toBe(1);
  });

  it('die in turns under load, and no write is lost', { tags: ['slow'] }, async () => {
    const shared = createMemoryDevice({ size: content.length });
    const pair = [new Host('one'), new Host('other')] as const;
    await pair[0].start(shared);
    const client = await open([pair[0].uri, pair[1].uri], { delivery, connections: 2, reconnectDelayMs: 20_000 });
    const written = new Uint8Array(content.length);
    let isOver = false;
    let writes = 0;
    /** Each writer has blocks of its own, so that the last write to each is known. */
    const write = async (writer: number) => {
      for (let round = 1; !isOver; round++) {
        const offset = writer * 4096 + (round % 8) * 512;
        await client.write(offset, new Uint8Array(512).fill(round));
        written.fill(round, offset, offset + 512);
        writes++;
      }
    };
    const writers = Array.from({ length: content.length / 4096 }, (_, writer) => write(writer));
    for (let turn = 0; turn < 6; turn++) {
      const before = writes;
      await expect.poll(() => writes - before).toBeGreaterThan(100);
      const [dying, next] = turn % 2 === 0 ? pair : [pair[1], pair[0]];
      await next.start(shared);
      await dying.stop();
      await expect.poll(() => next.sessions).toBeGreaterThan(0);
    }
    isOver = true;
    await Promise.all(writers);
    await client.flush();
    expect(Buffer.from(await client.readBytes(0, content.length)).equals(written)).toBe(true);
  });

  it('without a reconnect delay, the next call finds the other one', async () => {
    const [one, other] = [new Host('one'), new Host('other')];
    await Promise.all([one.start(await device()), other.start(await device())]);
    const client = await open([one.uri, other.uri], { delivery });
    await one.stop();
    await expect.poll(() => client.readBytes(0, 512).catch(() => undefined)).toEqual(content.slice(0, 512));
    expect(other.sessions).toBe(1);
  });

  it('have all connections at one of them', async () => {
    const [one, other] = [new Host('one'), new Host('other')];
    // The first takes one client only; a second connection must not go to the other one.
    await Promise.all([one.start(await device(), { connectionsMax: 1 }), other.start(await device())]);
    const client = await open([one.uri, other.uri], { delivery, connections: 3 });
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 64 }, (_, index) => client.readBytes(index * 1024, 1024)));
    }
    expect([one.sessions, other.sessions]).toEqual([1, 0]);
  });

  it('that cannot be reached are all named', async () => {
    const uris = [new Host('one').uri, new Host('other').uri];
    const error = await failure(open(uris, { delivery }));
    expect(error).toMatchObject({ name: 'ConnectError', code: 'ERR_NBD_CONNECT', attempts: 1, permanent: false });
    expect(error.message).toMatch(/^none of 2 servers can be used: .*one.*; .*other.*no such socket/);
    const { errors } = error.cause as AggregateError;
    expect(errors).toMatchObject([{ name: 'ConnectError' }, { name: 'ConnectError' }]);
  });

  it('that say nothing do not hold up the others', async () => {
    const [mute, other] = [new Host('mute'), new Host('other')];
    const sockets = new Set<Socket>();
    const silence = createSocketServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).resume();
    });
    await new Promise<void>((resolve) => void silence.listen(mute.path, resolve));
    await other.start(await device());
    const client = await open([mute.uri, other.uri], { delivery, nextServerMs: 100 });
    expect(await client.readBytes(0, 512)).toEqual(content.slice(0, 512));
    await client.close();
    // What was begun at the other one is given up as well.
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed || socket.readableEnded)).toBe(true);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silence.close(resolve));
  });

  it('are waited for together', async () => {
    const [one, other] = [new Host('one'), new Host('other')];
    const opening = open([one.uri, other.uri], { delivery, openTimeoutMs: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await other.start(await device());
    expect((await opening).geometry.size).toBe(BigInt(content.length));
  });

  it('with another export do not take over', async () => {
    const [one, other] = [new Host('one'), new Host('other')];
    await Promise.all([one.start(await device()), other.start(await device(4096))]);
    const client = await open([one.uri, other.uri], { delivery, reconnectDelayMs: 20_000 });
    const reading = one.stop().then(() => client.readBytes(0, 512));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(other.sessions).toBe(0);
    // The right one comes back.
    await one.start(await device());
    expect(await reading).toEqual(content.slice(0, 512));
  });
});

describe('a list of targets', () => {
  it('may have one of each form', async () => {
    const one = await new Host('one').start(await device());
    const broken = () => Promise.reject(new Error('HTTP 403'));
    const client = await open([{ open: broken, name: 'wss://far' }, { path: one.path }]);
    expect(await client.readBytes(0, 512)).toEqual(content.slice(0, 512));
  });

  it('may not be empty, and each has to be a target', async () => {
    expect(await failure(connect([]))).toMatchObject({
      name: 'UsageError',
      message: 'the target is an empty array, expected one target or several',
    });
    expect(await failure(connect(['nbd://host', 5 as never]))).toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/^the target is 5, expected /),
    });
    expect(await failure(connect(['nbd://host', ['nbd://other'] as never]))).toMatchObject({ name: 'UsageError' });
  });

  it('with one target is that target', async () => {
    const one = await new Host('one').start(await device());
    const client = await open([one.uri]);
    expect(client.name).toBe(one.uri);
    expect(await failure(connect([new Host('absent').uri]))).toMatchObject({ message: /^(?!none of)/ });
  });
});
