/** Where Node's internals have changed, bytes are copied once more, and the rules are still kept. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel } from '@nbdjs/interfaces';
import { byteChannelConformance } from '@nbdjs/testkit';
import { afterAll, beforeAll, vi } from 'vitest';
import { connectUnix, createTlsClient, createTlsServer, type Listener, listen } from '../src/index.ts';

vi.mock('../src/tls/reading.ts', () => ({ readInto: () => false }));

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-tls-'));
const path = join(folder, 'echo');
const key = new Uint8Array(32).fill(7);
const server = createTlsServer({ psk: { keys: { alice: key } } });
const client = createTlsClient({ psk: { user: 'alice', key } });
let listener: Listener;

beforeAll(async () => {
  listener = await listen({ type: 'unix', path }, (channel) => void echo(channel));
});

afterAll(async () => {
  await listener.close();
  rmSync(folder, { recursive: true });
});

byteChannelConformance('TLS by the event data', {
  connect: async () => client.upgrade(await connectUnix(path)),
});

async function echo(plain: ByteChannel): Promise<void> {
  const channel = await server.upgrade(plain).catch(() => undefined);
  let buffer = new Uint8Array(10_000);
  channel?.open({
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
