/** Channels in TLS keep every rule that channels have, over sockets and over anything else. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel } from '@nbdjs/interfaces';
import { byteChannelConformance, TestAuthority } from '@nbdjs/testkit';
import { afterAll, beforeAll } from 'vitest';
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
const server = createTlsServer({ certificates });
const client = createTlsClient({ certificates: { ca: authority.pem }, hostname: 'localhost' });
const keys = { alice: new Uint8Array(32).fill(7) };
const keyServer = createTlsServer({ psk: { keys } });
const keyClient = createTlsClient({ psk: { user: 'alice', key: keys.alice } });

const peers = new Set<ByteChannel>();
const listeners: Listener[] = [];
let port = 0;

beforeAll(async () => {
  const unix = await listen({ type: 'unix', path: socketPath }, (channel) => void echo(channel, server));
  const tcp = await listen({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => void echo(channel, keyServer));
  listeners.push(unix, tcp);
  port = tcp.address.type === 'tcp' ? tcp.address.port : 0;
});

afterAll(async () => {
  kill();
  for (const listener of listeners) await listener.close();
  rmSync(folder, { recursive: true });
});

byteChannelConformance('TLS over a Unix socket', {
  connect: async () => client.upgrade(await connectUnix(socketPath)),
  kill,
});
byteChannelConformance('TLS over TCP, with a shared key', {
  connect: async () => keyClient.upgrade(await connectTcp({ host: '127.0.0.1', port })),
  kill,
});
byteChannelConformance('TLS over memory', {
  connect: async () => {
    const [ours, theirs] = createMemoryPair();
    void echo(theirs, server);
    return client.upgrade(ours);
  },
  kill,
});
byteChannelConformance('TLS as a server', {
  connect: async () => {
    const [ours, theirs] = createMemoryPair();
    void echo(theirs, client);
    return server.upgrade(ours);
  },
  kill,
});

function kill(): void {
  for (const peer of peers) peer.destroy();
  peers.clear();
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
