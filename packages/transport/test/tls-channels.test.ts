/** Channels in TLS keep every rule that channels have, over sockets and over anything else. */
import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import { type ByteChannelFactory, brokenRecord, byteChannelConformance, relay, TestAuthority } from '@nbdjs/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descriptorOf } from '../src/channels/handle.ts';
import type { StreamChannel } from '../src/channels/stream-channel.ts';
import {
  connectTcp,
  connectUnix,
  createMemoryPair,
  createTlsClient,
  createTlsServer,
  type Listener,
  listen,
} from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-tls-'));
const socketPath = join(folder, 'echo');
const authority = await TestAuthority.create();
const certificates = { folder: await authority.issueServer(join(folder, 'server')) };
const server = createTlsServer({ certificates, verifyPeer: false });
const client = createTlsClient({ certificates: { ca: authority.pem }, hostname: 'localhost' });
const keys = { alice: new Uint8Array(32).fill(7) };
const keyServer = createTlsServer({ psk: { keys } });
const keyClient = createTlsClient({ psk: { user: 'alice', key: keys.alice } });

/** The other ends that are open. */
const peers = new Set<ByteChannel>();
/** Other ends that read nothing until they are told. */
const silent: ByteChannel[] = [];
const listeners: Listener[] = [];
let port = 0;
/** Sends something that is not TLS to the channel that was made last. */
let spoil = (): void => {};

beforeAll(async () => {
  const unix = await listen({ type: 'unix', path: socketPath }, (channel) => void echo(spoilable(channel), server));
  const tcp = await listen({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => {
    void echo(spoilable(channel), keyServer);
  });
  const quiet = await listen({ type: 'unix', path: join(folder, 'silent') }, async (channel) => {
    const secured = await server.upgrade(channel);
    const memory = new Uint8Array(10_000);
    secured.open({ writable: () => memory, advance() {}, drained() {}, ended() {} });
    secured.pause(true);
    silent.push(secured);
  });
  listeners.push(unix, tcp, quiet);
  port = tcp.address.type === 'tcp' ? tcp.address.port : 0;
});

afterAll(async () => {
  kill();
  for (const listener of listeners) await listener.close();
  rmSync(folder, { recursive: true });
});

const fail = (): void => spoil();
const factories: Readonly<Record<string, ByteChannelFactory>> = {
  'TLS over a Unix socket': { connect: async () => client.upgrade(await connectUnix(socketPath)), kill, fail },
  'TLS over TCP, with a shared key': {
    connect: async () => keyClient.upgrade(await connectTcp({ host: '127.0.0.1', port })),
    kill,
    fail,
  },
  'TLS over memory': { connect: async () => client.upgrade(throughMemory(server)), kill, fail },
  'TLS as a server': { connect: async () => server.upgrade(throughMemory(client)), kill, fail },
  'TLS as a server, with a shared key': {
    connect: async () => keyServer.upgrade(throughMemory(keyClient)),
    kill,
    fail,
  },
};
for (const [name, factory] of Object.entries(factories)) byteChannelConformance(name, factory);

describe('F24: after a fatal alert', () => {
  it.each(Object.entries(factories))('both sides close by themselves: %s', async (_, factory) => {
    const channel = await factory.connect();
    const received = new Promise<number>((resolve) => {
      channel.open({ writable: () => new Uint8Array(10), advance: resolve, drained() {}, ended() {} });
    });
    channel.send([Uint8Array.of(1)]);
    expect(await received).toBe(1);
    await expect.poll(() => peers.size).toBe(1);
    const [peer] = peers;
    fail();
    expect(await channel.closed).toMatchObject({
      by: 'error',
      cause: {
        code: 'ERR_NBD_TLS',
        message: expect.stringMatching(/^TLS failed: what the .* sent cannot be deciphered, .*on the way$/),
      },
    });
    await expect.poll(() => peers.size, { timeout: 2000 }).toBe(0);
    expect(await peer?.closed).toBeDefined();
  });
});

describe('long sends in TLS over a Unix socket', () => {
  const message = new Uint8Array(600_000);

  it.skipIf(!capabilities().duplicateDescriptor)(
    'find more room in the kernel when it was too little twice',
    async () => {
      const channel = await client.upgrade(await connectUnix(join(folder, 'silent')));
      let drainCount = 0;
      const nothing = () => new Uint8Array(10);
      channel.open({ writable: nothing, advance() {}, drained: () => void drainCount++, ended() {} });
      await expect.poll(() => silent.length).toBe(1);
      const [peer] = silent;
      const stays = async (count: number): Promise<boolean> => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return drainCount === count;
      };
      // Memory for a peer that never reads would be wasted.
      expect(channel.send([message])).toBe(false);
      expect(await stays(0)).toBe(true);
      peer?.pause(false);
      await expect.poll(() => drainCount).toBe(1);
      channel.send([message]);
      await expect.poll(() => drainCount).toBe(2);
      peer?.pause(true);
      channel.send([message]);
      await expect.poll(() => drainCount).toBe(3);
      channel.destroy();
    },
  );
});

function kill(): void {
  for (const peer of peers) peer.destroy();
  peers.clear();
}

/** The other end of a channel in memory, in its own TLS, with a test function in between. */
function throughMemory(tls: Pick<typeof server, 'upgrade'>): ByteChannel {
  const [ours, left] = createMemoryPair();
  const [right, theirs] = createMemoryPair();
  const between = relay(left, right);
  spoil = () => between.slipIn(brokenRecord);
  void echo(theirs, tls);
  return ours;
}

/** Writes past TLS, from the side where a socket was accepted. */
function spoilable(channel: ByteChannel): ByteChannel {
  const { stream } = channel as StreamChannel<Socket>;
  spoil = () => void writeSync(descriptorOf(stream) ?? -1, brokenRecord);
  return channel;
}

/** Sends back what it gets, and ends when the other side ends. */
async function echo(plain: ByteChannel, tls: Pick<typeof server, 'upgrade'>): Promise<void> {
  const channel = await tls.upgrade(plain).catch(() => undefined);
  if (channel === undefined) return;
  peers.add(channel);
  void channel.closed.then(() => peers.delete(channel));
  let buffer = new Uint8Array(10_000);
  channel.open({
    writable: () => buffer,
    advance: (byteCount) => {
      if (channel.send([buffer.subarray(0, byteCount)])) return;
      channel.pause(true);
      buffer = new Uint8Array(10_000);
    },
    drained: () => channel.pause(false),
    ended: () => channel.end(),
  });
}
