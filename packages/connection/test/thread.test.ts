/**
 * What the establishment thread is for, and how it starts, ends and fails.
 *
 * @module-tag slow
 */
import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connector, Established } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import type { TinyServerAddress } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createConnector,
  createThreadConnector,
  type ThreadConnectorOptions,
  type ThreadDelivery,
} from '../src/index.ts';
import { establishmentThread } from '../src/thread/thread-connector.ts';
import { Probe } from './support/probe.ts';
import { ServerThread } from './support/server-thread.ts';

const deliveries: readonly ThreadDelivery[] = capabilities().duplicateDescriptor ? ['handed-over', 'kept'] : ['kept'];

let folder: string;
let endpoint: TinyServerAddress;
let server: ServerThread | undefined;
let connectors: Connector[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
  endpoint = { type: 'unix', path: join(folder, 'socket') };
  connectors = [];
});

afterEach(async () => {
  for (const connector of connectors) connector.release();
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function create(options: Partial<ThreadConnectorOptions> = {}): Connector {
  const connector = createThreadConnector({ endpoint, ...options });
  connectors.push(connector);
  return connector;
}

function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

/** Nothing runs on this thread meanwhile. */
function block(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}

async function talk({ channel, excess }: Established): Promise<void> {
  expect(excess).toHaveLength(0);
  const probe = new Probe(channel);
  channel.send([Uint8Array.of(1, 2, 3)]);
  expect(await probe.take(3)).toEqual(Uint8Array.of(1, 2, 3));
  channel.destroy();
  await channel.closed;
}

/** Makes sure that there is a thread that is ready for orders. */
async function warmUp(): Promise<void> {
  await caught(create({ endpoint: { type: 'unix', path: join(folder, 'nobody') } }).establish({ wait: true }));
  expect(establishmentThread().isReady).toBe(true);
}

for (const delivery of deliveries) {
  describe(`the establishment thread, ${delivery}`, () => {
    it('goes on trying while the main loop is blocked', async () => {
      await warmUp();
      const connector = create({ delivery });
      connector.retry(true);
      // The first attempt fails, and the thread sleeps for about a second.
      await expect.poll(() => caught(connector.establish({ wait: false }))).toMatchObject({ code: 'ERR_NBD_CONNECT' });
      server = await ServerThread.announce(endpoint, 300);
      const outcome = connector.establish({ wait: true });
      block(3000);
      const unblockedAt = performance.now();
      const established = await outcome;
      expect(performance.now() - unblockedAt).toBeLessThan(500);
      expect((await server.counts()).accepted).toBe(1);
      await talk(established);
    });

    it('keeps a connection that arrives when its caller has just stopped waiting', async () => {
      await warmUp();
      server = await ServerThread.start(endpoint);
      const connector = create({ delivery });
      const controller = new AbortController();
      const outcome = caught(connector.establish({ wait: true, signal: controller.signal }));
      block(1500);
      // The connection waits in the message queue by now.
      controller.abort(new Error('gone'));
      expect(await outcome).toMatchObject({ message: 'gone' });
      // On a busy machine the handshake may still be under way, or its connection on the way to this thread; a call in between gets a
      // connection too, but by a second attempt.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await expect.poll(() => server?.counts()).toEqual({ accepted: 1, open: 1 });
      await talk(await connector.establish({ wait: true }));
      expect((await server.counts()).accepted).toBe(1);
    });

    it('gives such a connection to a caller that waits by then', async () => {
      await warmUp();
      server = await ServerThread.start(endpoint);
      const connector = create({ delivery });
      const controller = new AbortController();
      const outcome = caught(connector.establish({ wait: true, signal: controller.signal }));
      block(500);
      controller.abort(new Error('gone'));
      const next = connector.establish({ wait: true });
      await outcome;
      await talk(await next);
    });

    it('leaks nothing when the connector has been released by the time the connection arrives', async () => {
      await warmUp();
      server = await ServerThread.start(endpoint);
      const connector = create({ delivery });
      const outcome = caught(connector.establish({ wait: true }));
      block(500);
      connector.release();
      expect(await outcome).toMatchObject({ code: 'ERR_NBD_CLOSED' });
      await expect.poll(() => server?.counts()).toEqual({ accepted: 1, open: 0 });
    });

    it('rejects the callers that wait when it is terminated, and starts again', async () => {
      server = await ServerThread.start(endpoint, { silent: true });
      const connector = create({ delivery });
      const outcome = caught(connector.establish({ wait: true }));
      await expect.poll(async () => (await server?.counts())?.open).toBe(1);
      await establishmentThread().worker?.terminate();
      expect(await outcome).toMatchObject({
        name: 'ConnectError',
        code: 'ERR_NBD_WORKER',
        message: expect.stringContaining(join(folder, 'socket')),
      });
      expect(establishmentThread().isRunning).toBe(false);
      await server.close();
      server = await ServerThread.start(endpoint);
      await talk(await connector.establish({ wait: true }));
    });

    it('serves many connectors at once', async () => {
      server = await ServerThread.start(endpoint);
      const established = await Promise.all(
        Array.from({ length: 40 }, () => create({ delivery }).establish({ wait: true })),
      );
      expect((await server.counts()).open).toBe(40);
      await Promise.all(established.map(talk));
      await expect.poll(async () => (await server?.counts())?.open).toBe(0);
    });
  });
}

describe('several threads', () => {
  const running = (): boolean[] => [0, 1, 2].map((index) => establishmentThread(undefined, index).isRunning);

  it('share the connections that are kept, and are started when they are needed', async () => {
    server = await ServerThread.start(endpoint);
    const connector = create({ delivery: 'kept', threadsMax: 3 });
    const first = await connector.establish({ wait: true });
    expect(running()).toEqual([true, false, false]);
    const others: Established[] = [];
    for (let count = 0; count < 4; count++) others.push(await connector.establish({ wait: true }));
    expect(running()).toEqual([true, true, true]);
    expect((await server.counts()).open).toBe(5);
    await Promise.all([first, ...others].map(talk));
    connector.release();
    await expect.poll(running, { timeout: 5000 }).toEqual([false, false, false]);
    expect((await server.counts()).open).toBe(0);
  });

  it('lose no more than their own connections when one of them is terminated', async () => {
    server = await ServerThread.start(endpoint);
    const connector = create({ delivery: 'kept', threadsMax: 2 });
    const one = await connector.establish({ wait: true });
    const other = await connector.establish({ wait: true });
    await establishmentThread(undefined, 1).worker?.terminate();
    expect(await other.channel.closed).toMatchObject({ by: 'error', cause: { code: 'ERR_NBD_WORKER' } });
    // Its thread has none now, and is the next to get one.
    const next = await connector.establish({ wait: true });
    expect(running()).toEqual([true, true, false]);
    await Promise.all([one, next].map(talk));
  });

  it('give the connection of an attempt that went on to the caller that asks again', async () => {
    const connector = create({ delivery: 'kept', threadsMax: 3 });
    connector.retry(true);
    expect(await caught(connector.establish({ wait: false }))).toMatchObject({ code: 'ERR_NBD_CONNECT_NONE_YET' });
    server = await ServerThread.start(endpoint);
    await talk(await connector.establish({ wait: true }));
    expect((await server.counts()).accepted).toBe(1);
  });

  it('are one where sockets are handed over', async () => {
    if (!deliveries.includes('handed-over')) return;
    server = await ServerThread.start(endpoint);
    const connector = create({ delivery: 'handed-over', threadsMax: 3 });
    const established: Established[] = [];
    for (let count = 0; count < 3; count++) established.push(await connector.establish({ wait: true }));
    expect(running()).toEqual([true, false, false]);
    await Promise.all(established.map(talk));
  });
});

describe('the establishment thread', () => {
  it('loses the connections that it keeps when it is terminated, but none that was handed over', async () => {
    server = await ServerThread.start(endpoint);
    const established = await Promise.all(deliveries.map((delivery) => create({ delivery }).establish({ wait: true })));
    const kept = established.at(-1) as Established;
    const probe = new Probe(kept.channel);
    await establishmentThread().worker?.terminate();
    await probe.until(() => probe.end !== undefined);
    expect(probe.end?.cause).toMatchObject({ code: 'ERR_NBD_WORKER' });
    expect(await kept.channel.closed).toMatchObject({ by: 'error', cause: { code: 'ERR_NBD_WORKER' } });
    expect(kept.channel.send([Uint8Array.of(1)])).toBe(true);
    for (const other of established.slice(0, -1)) await talk(other);
  });

  it('ends when there is nothing left to do, and starts again when there is', async () => {
    server = await ServerThread.start(endpoint);
    const first = create({ delivery: 'kept' });
    const { channel } = await first.establish({ wait: true });
    const { worker } = establishmentThread();
    first.release();
    await new Promise((resolve) => setTimeout(resolve, 800));
    // It still keeps a connection.
    expect(establishmentThread().worker).toBe(worker);
    const ended = worker && once(worker, 'exit');
    channel.destroy();
    await ended;
    expect(establishmentThread().isRunning).toBe(false);
    await talk(await create().establish({ wait: true }));
    expect(establishmentThread().worker).not.toBe(worker);
  });

  it('leaves no descriptor behind when it ends', async () => {
    server = await ServerThread.start(endpoint);
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 3; round++) {
      const connector = create();
      await talk(await connector.establish({ wait: true }));
      const { worker } = establishmentThread();
      const ended = worker && once(worker, 'exit');
      connector.release();
      await ended;
    }
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });

  it('is an error when it cannot be started', async () => {
    const workerUrl = new URL('./support/there-is-no-such-file.js', import.meta.url);
    const connector = create({ workerUrl });
    for (let round = 0; round < 2; round++) {
      expect(await caught(connector.establish({ wait: true }))).toMatchObject({ code: 'ERR_NBD_WORKER' });
    }
  });

  it('is an error when it fails at work, and its unknown messages are ignored', async () => {
    const source = `import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ type: 'watch:require', files: [] });
      parentPort.postMessage({ type: 'failed', connector: -1, request: -1 });
      parentPort.postMessage({ type: 'ready' });
      parentPort.on('message', (order) => { if (order.type === 'establish') throw new TypeError('oh dear'); });`;
    const connector = create({ workerUrl: new URL(`data:text/javascript,${encodeURIComponent(source)}`) });
    expect(await caught(connector.establish({ wait: true }))).toMatchObject({
      code: 'ERR_NBD_WORKER',
      message: expect.stringContaining('oh dear'),
      cause: expect.any(Error),
    });
  });

  it('ignores unknown orders', async () => {
    server = await ServerThread.start(endpoint);
    await warmUp();
    establishmentThread().worker?.postMessage({ type: 'dance' });
    establishmentThread().worker?.postMessage({ type: 'establish', connector: 999_999, request: -1, wait: true });
    await talk(await create().establish({ wait: true }));
  });

  it('reports its events to the channels that have subscribers', async () => {
    server = await ServerThread.start(endpoint);
    const names = ['attempt', 'failed', 'sleep', 'established', 'released'];
    const events: unknown[] = [];
    const listen = (message: unknown, channel: string | symbol) => events.push([channel, message]);
    for (const name of names) subscribe(`nbdjs:connection:${name}`, listen);
    const good = create();
    (await good.establish({ wait: true })).channel.destroy();
    good.release();
    const bad = create({ handshake: { exportName: 'absent' }, stopOnPermanent: false });
    bad.retry(true);
    const outcome = caught(bad.establish({ wait: true }));
    await expect.poll(() => events.length).toBe(6);
    bad.release();
    await outcome;
    await expect.poll(() => events.length).toBe(7);
    for (const name of names) unsubscribe(`nbdjs:connection:${name}`, listen);
    const { path } = endpoint as { path: string };
    const name = (exportName: string) => `nbd+unix:///${exportName}?socket=${path}`;
    expect(events).toMatchObject([
      ['nbdjs:connection:attempt', { endpoint: name(''), attempt: 1 }],
      ['nbdjs:connection:established', { endpoint: name(''), attempt: 1, durationMs: expect.any(Number) }],
      ['nbdjs:connection:released', { endpoint: name('') }],
      ['nbdjs:connection:attempt', { endpoint: name('absent'), attempt: 1 }],
      [
        'nbdjs:connection:failed',
        { attempt: 1, permanent: true, error: { name: 'NegotiationError', code: 'ERR_NBD_UNKNOWN_EXPORT' } },
      ],
      ['nbdjs:connection:sleep', { endpoint: name('absent'), delayMs: expect.any(Number) }],
      ['nbdjs:connection:released', { endpoint: name('absent') }],
    ]);
  });

  it('passes the events of the handshake to the trace of the caller', async () => {
    server = await ServerThread.start(endpoint);
    const events: string[] = [];
    const trace = { enabled: true, emit: (event: string) => events.push(event) };
    (await create({ handshake: { trace } }).establish({ wait: true })).channel.destroy();
    expect(events).toContain('state');
  });

  it('publishes the events of the handshake on its channels when there is no trace', async () => {
    server = await ServerThread.start(endpoint);
    const greetings: unknown[] = [];
    const listen = (message: unknown) => greetings.push(message);
    subscribe('nbdjs:handshake:greeting', listen);
    for (const delivery of ['inline', ...deliveries] as const) {
      const { connector } = createConnector({ endpoint, delivery });
      (await connector.establish({ wait: true })).channel.destroy();
      connector.release();
    }
    unsubscribe('nbdjs:handshake:greeting', listen);
    expect(greetings).toHaveLength(1 + deliveries.length);
    expect(greetings[0]).toEqual({ style: 'newstyle-fixed', offered: 3, agreed: 3 });
  });
});

describe('a process', () => {
  it.each(['inline', ...deliveries])('runs while it waits for a connection, and no longer: %s', async (delivery) => {
    const path = (endpoint as { path: string }).path;
    const script = new URL('./support/idle-process.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [...process.execArgv, script, delivery, path], { stdio: 'pipe' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text;
      });
    }
    // The first attempt fails, and nothing but the wait keeps the process alive until the next.
    server = await ServerThread.announce(endpoint, 1000);
    const [code] = await once(child, 'close');
    expect({ code, output }).toEqual({ code: 0, output: 'done\n' });
  });
});

describe('createConnector', () => {
  it('reports what it has chosen', () => {
    const chosen = createConnector({ endpoint });
    expect(chosen).toMatchObject({ delivery: deliveries[0], reason: expect.stringContaining('duplicated') });
    expect(createConnector({ endpoint, delivery: 'thread' }).delivery).toBe(deliveries[0]);
    for (const delivery of ['inline', ...deliveries] as const) {
      expect(createConnector({ endpoint, delivery })).toMatchObject({ delivery, reason: 'as asked for' });
    }
  });

  it('makes connections to commands and descriptors on this thread only', () => {
    const descriptor = { type: 'descriptor', fd: 99 } as const;
    expect(createConnector({ endpoint: descriptor })).toMatchObject({
      delivery: 'inline',
      reason: expect.stringContaining("'descriptor'"),
    });
    const command = { type: 'command', command: ['true'], mode: 'socket-pair' } as const;
    for (const endpoint of [descriptor, command]) {
      expect(() => createConnector({ endpoint, delivery: 'thread' })).toThrow(/expected delivery 'inline'/);
    }
  });
});
