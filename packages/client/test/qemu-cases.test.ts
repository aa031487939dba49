/** QEMU's own tests of its client (tests/qemu-iotests), restated for ours and named after them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NbdError, TimeoutError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice, createRateLayer } from '@nbdjs/storage';
import {
  ChaosProxy,
  type FaultEvent,
  FaultInjector,
  type FaultRule,
  patternBytes,
  type SocketAddress,
  TinyServer,
  uriAt,
} from '@nbdjs/testkit';
import { type Listener, listen } from '@nbdjs/transport';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../src/index.ts';

const mebi = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
let serial = 0;
const unixAddress = (): SocketAddress => ({ type: 'unix', path: join(folder, `s${++serial}`) });
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function failure(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) throw new Error('this was to fail');
  return outcome;
}

async function durationOf(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

describe('nbd-reconnect-on-open', () => {
  it('open-timeout 5: waits for a server that comes late', async () => {
    const address = unixAddress();
    const server = new TinyServer();
    const opening = connect(uriAt(address), { openTimeoutMs: 5000 });
    await later(500);
    await server.listen(address);
    await (await opening).close();
    await server.close();
  });

  it('open-timeout 0: fails at once', async () => {
    const opening = failure(connect(uriAt(unixAddress())));
    expect(await opening).toMatchObject({ code: 'ERR_NBD_CONNECT' });
  });

  it('open-timeout 1: fails after a second, not before, with what the last attempt met', async () => {
    const opening = failure(connect(uriAt(unixAddress()), { openTimeoutMs: 1000 }));
    const durationMs = await durationOf(opening);
    expect(durationMs).toBeGreaterThan(990);
    // Well below the next attempt but one, on a busy machine too.
    expect(durationMs).toBeLessThan(3000);
    expect(await opening).toMatchObject({ message: expect.stringContaining('there is no such socket') });
  });
});

/** An image behind our server, and a proxy before it. */
async function served(device = patternDevice()) {
  const target = unixAddress();
  const server = createServer({ exports: { '': device } });
  const listener: Listener = await listen(target, (channel) => void server.accept(channel));
  const proxy = await ChaosProxy.start({ listen: unixAddress(), target });
  return {
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await listener.close();
      await server.destroy();
    },
  };
}

const content = patternBytes(8 * mebi);

function patternDevice() {
  const device = createMemoryDevice({ size: content.length });
  void device.write(0, content);
  return device;
}

describe('264', { tags: ['slow'] }, () => {
  it('a job goes on when the server was away for a second, with reconnect-delay 10', async () => {
    await using place = await served();
    const { proxy } = place;
    await using disk = await connect(proxy.uri(), { reconnectDelayMs: 10_000 });
    const parts: Buffer[] = [];
    let hasBeenAway = false;
    for await (const part of disk.createReadStream()) {
      parts.push(part as Buffer);
      if (hasBeenAway) continue;
      hasBeenAway = true;
      proxy.refuse();
      proxy.cutAll('reset');
      setTimeout(() => void proxy.admit(), 1000);
    }
    expect(Buffer.concat(parts).equals(Buffer.from(content))).toBe(true);
    expect(disk.statistics.connections).toBe(2);
  });

  it('a job that is cancelled while the server is away ends at once', async () => {
    await using place = await served();
    const { proxy } = place;
    const disk = await connect(proxy.uri(), { reconnectDelayMs: 60_000 });
    proxy.refuse();
    proxy.cutAll('reset');
    const abort = new AbortController();
    const reason = new Error('forced cancel');
    const job = failure(disk.write(0, new Uint8Array(mebi), { signal: abort.signal }));
    await later(300);
    const durationMs = await durationOf(
      (async () => {
        abort.abort(reason);
        expect(await job).toBe(reason);
        disk.destroy();
        await disk.closed;
      })(),
    );
    expect(durationMs).toBeLessThan(2000);
  });
});

describe('277', () => {
  it('a write of 3 MiB whose server dies behind the data ends well on the next server, with reconnect-delay 7', async () => {
    const address = unixAddress();
    const dying = await FaultInjector.start(address, { rules: [{ event: 'data', when: 'after' }], exits: true });
    const disk = await connect(dying.uri, { reconnectDelayMs: 7000 });
    const writing = disk.write(0, new Uint8Array(3 * mebi));
    await expect.poll(() => dying.hasRules).toBe(false);
    expect(dying.writtenBytes).toBe(0);
    await dying[Symbol.asyncDispose]();
    await using next = await FaultInjector.start(address);
    await writing;
    expect(next.writtenBytes).toBe(3 * mebi);
    await disk.close();
  });
});

describe('281', () => {
  it('the timers of opening and reconnecting are gone after use', async () => {
    await using place = await served();
    const { proxy } = place;
    const before = timers();
    await using disk = await connect(proxy.uri(), { delivery: 'inline', openTimeoutMs: 1000, reconnectDelayMs: 1000 });
    expect(timers()).toBeLessThanOrEqual(before);
    proxy.cutAll();
    await expect.poll(() => disk.state).toBe('connecting-wait');
    await disk.readBytes(0, 512);
    expect(timers()).toBeLessThanOrEqual(before);
    await later(1100);
    expect(disk.state).toBe('connected');
    await disk.readBytes(0, 512);
  });

  it('a throttled read takes as long as it takes', async () => {
    const slow = createRateLayer(patternDevice(), { clock: systemClock, bytesPerSecond: mebi, burstBytes: 0 });
    await using place = await served(slow);
    await using disk = await connect(place.proxy.uri(), {
      delivery: 'inline',
      openTimeoutMs: 1000,
      reconnectDelayMs: 1000,
    });
    const length = 1.5 * mebi;
    expect(Buffer.compare(await disk.readBytes(0, length), content.subarray(0, length))).toBe(0);
    expect(disk.statistics.connections).toBe(1);
  });
});

/** Timers of this process that are running. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
}

/** What a client may expect of a server that drops the connection there. */
const matrix: readonly (readonly [event: FaultEvent, whens: readonly FaultRule['when'][], expected: string])[] = [
  ['neg1', ['before', 'after', 8, 16], 'open fails'],
  ['export', ['before', 'after', 4, 12, 16], 'open fails'],
  ['neg2', ['before', 8, 10], 'open fails'],
  ['neg2', ['after'], 'read fails'],
  ['request', ['before', 'after'], 'read fails'],
  ['reply', ['before', 'after', 4, 8], 'read fails'],
  ['data', ['before'], 'read fails'],
  ['data', ['after'], 'read succeeds'],
  ['neg-classic', ['before', 8, 16, 24, 28], 'open fails'],
  ['neg-classic', ['after'], 'read fails'],
];
const cases = matrix.flatMap(([event, whens, expected]) => whens.map((when) => [event, when, expected] as const));

describe.each(['tcp', 'unix'] as const)('083 over %s', (type) => {
  it.each(cases)('drop at %s, %s: %s', async (event, when, expected) => {
    const address = type === 'tcp' ? ({ type, host: '127.0.0.1', port: 0 } as const) : unixAddress();
    const classic = event === 'neg-classic';
    await using injector = await FaultInjector.start(address, { rules: [{ event, when }], classic });
    const opening = connect(injector.uri, { delivery: 'inline' });
    if (expected === 'open fails') {
      const error = await failure(opening);
      expect(error).toBeInstanceOf(NbdError);
      expect(error).not.toBeInstanceOf(TimeoutError);
    } else {
      const disk = await opening;
      const outcome = await disk.readBytes(0, 512).catch((error: unknown) => error);
      if (expected === 'read fails') expect(outcome).toBeInstanceOf(NbdError);
      else expect(outcome).toEqual(new Uint8Array(512));
      await disk.close();
    }
    expect(injector.hasRules).toBe(false);
  });
});
