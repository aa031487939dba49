/** Servers that take their time, or never answer, over real sockets: each limit ends what it is for, by its own error. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '@nbdjs/connection';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { capabilities } from '@nbdjs/syscalls';
import { type ChaosConnection, type ChaosPlan, ChaosProxy, patternBytes } from '@nbdjs/testkit';
import { type Listener, listen } from '@nbdjs/transport';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectOptions, connect, type NbdClient } from '../src/index.ts';
import { FullBacklog } from './support/full-backlog.ts';

const deliveries: readonly Delivery[] = capabilities().duplicateDescriptor
  ? ['inline', 'handed-over', 'kept']
  : ['inline', 'kept'];

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
const content = patternBytes(2 ** 20);
let server: Server;
let listener: Listener;
let proxy: ChaosProxy;
let disk: NbdClient | undefined;

beforeAll(async () => {
  const device = createMemoryDevice({ size: content.length });
  void device.write(0, content);
  server = createServer({ exports: { '': device } });
  const target = { type: 'unix', path: join(folder, 'target') } as const;
  listener = await listen(target, (channel) => void server.accept(channel));
  proxy = await ChaosProxy.start({ listen: { type: 'unix', path: join(folder, 'proxy') }, target });
});

afterEach(async () => {
  disk?.destroy();
  disk = undefined;
  proxy.plan = () => ({});
  proxy.cutAll();
  await expect.poll(() => server.sessions.length).toBe(0);
});

afterAll(async () => {
  await proxy.close();
  await listener.close();
  await server.destroy();
  rmSync(folder, { recursive: true, force: true });
});

function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => new Error('this was to fail'),
    (error: unknown) => error,
  );
}

describe.each(deliveries)('%s', (delivery) => {
  /** A connection that stands, and the proxy's end of it. */
  async function open(options: ConnectOptions): Promise<ChaosConnection> {
    disk = await connect(proxy.uri(), { delivery, ...options });
    const [connection] = proxy.live;
    if (connection === undefined) throw new Error('no connection by way of the proxy');
    return connection;
  }

  it('the connection is not accepted: connect', async () => {
    await using backlog = await FullBacklog.start();
    const uri = `nbd://127.0.0.1:${backlog.port}`;
    expect(await failure(connect(uri, { delivery, connectTimeoutMs: 300 }))).toMatchObject({ phase: 'connect' });
  });

  const silences: readonly (readonly [string, ChaosPlan])[] = [
    ['says nothing', { accept: 'silent' }],
    ['stops in the middle of the greeting', { down: { stallAt: 10 } }],
    ['stops in the middle of the options', { down: { stallAt: 60 } }],
    ['says one byte a second', { down: { bytesPerSecond: 1 } }],
    ['hears one byte a second', { up: { bytesPerSecond: 1 } }],
  ];

  it.each(silences)('a server that %s: handshake', async (_, plan) => {
    proxy.plan = () => plan;
    const error = await failure(connect(proxy.uri(), { delivery, handshakeTimeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'handshake' });
  });

  it('a server that says nothing for as long as one is willing to try: open', async () => {
    proxy.plan = () => ({ accept: 'silent' });
    const opening = failure(connect(proxy.uri(), { delivery, openTimeoutMs: 300 }));
    expect(await opening).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'open' });
  });

  it('a reply that stops in the middle: request, and the connection lives on', async () => {
    const { down } = await open({ requestTimeoutMs: 300 });
    down.stallAt = down.bytes + 1000;
    const target = new Uint8Array(100_000);
    const error = await failure(disk?.read(0, target) ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'request' });
    // The memory is the caller's again, whatever comes later.
    target.fill(0xee);
    down.resume();
    expect(Buffer.compare((await disk?.readBytes(512, 512)) ?? target, content.subarray(512, 1024))).toBe(0);
    expect(target.every((byte) => byte === 0xee)).toBe(true);
    expect(proxy.live).toHaveLength(1);
  });

  it('a reply of one byte a second: request, while silence has nothing to say', { tags: ['slow'] }, async () => {
    const { down } = await open({ requestTimeoutMs: 2900, silenceMs: 2500 });
    down.bytesPerSecond = 1;
    const error = await failure(disk?.readBytes(0, 512) ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'request' });
    expect(disk?.state).toBe('connected');
  });

  it('a reply that stops in the middle: silence, which is a loss', async () => {
    const { down } = await open({ silenceMs: 300 });
    down.stallAt = down.bytes + 1000;
    const error = await failure(disk?.readBytes(0, 100_000) ?? Promise.resolve());
    expect(error).toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST', cause: { phase: 'silence' } });
  });

  it('a server that takes nothing any more: silence', async () => {
    const { up } = await open({ silenceMs: 300 });
    up.stall();
    const source = new Uint8Array(2 ** 20);
    const errors = await Promise.all(
      Array.from({ length: 8 }, () => failure(disk?.write(0, source) ?? Promise.resolve())),
    );
    for (const error of errors)
      expect(error).toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST', cause: { phase: 'silence' } });
  });

  it('silence with a reconnect delay: the request goes by the next connection', async () => {
    const { down } = await open({ silenceMs: 300, reconnectDelayMs: 10_000 });
    down.stall();
    expect(Buffer.compare((await disk?.readBytes(0, 512)) ?? content, content.subarray(0, 512))).toBe(0);
    expect(disk?.statistics).toMatchObject({ connections: 2, requestsResent: 1 });
  });

  it('a server that stops: close does not wait for ever', async () => {
    const { down } = await open({ closeMs: 300 });
    down.stall();
    const reading = failure(disk?.readBytes(0, 512) ?? Promise.resolve());
    await disk?.close();
    expect(await reading).toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST', cause: { phase: 'close' } });
  });

  it('a server that does not end the connection: close does not wait for ever', async () => {
    const { up } = await open({ closeMs: 300 });
    up.stall();
    await disk?.close();
    expect(disk?.state).toBe('closed');
  });
});
