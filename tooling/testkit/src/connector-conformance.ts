/** What every `Connector` has to do, whatever thread it works on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ByteSink,
  ConnectError,
  type Connector,
  type Established,
  NegotiationError,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TinyServer, type TinyServerAddress, tinyServerExportBytes } from './tiny-server.ts';

/** What the suite wants of a connector besides its endpoint. */
export interface ConnectorWishes {
  readonly endpoint: TinyServerAddress;
  readonly exportName?: string | undefined;
  readonly handshakeTimeoutMs?: number | undefined;
  readonly openTimeoutMs?: number | undefined;
}

export interface ConnectorFactory {
  /** Makes a connector in real time, whose first delay between attempts is about a second. */
  create(wishes: ConnectorWishes): Connector;
}

/** Collects bytes, and lets a test wait for them. */
class Listener implements ByteSink {
  readonly received: number[] = [];
  readonly #memory = new Uint8Array(1024);
  hasEnded = false;

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    this.received.push(...this.#memory.subarray(0, byteCount));
  }

  drained(): void {}

  ended(): void {
    this.hasEnded = true;
  }
}

export function connectorConformance(name: string, factory: ConnectorFactory): void {
  for (const transport of ['unix', 'tcp'] as const) {
    describe(`Connector: ${name}, ${transport}`, () => connectorRules(factory, transport));
  }
}

function connectorRules(factory: ConnectorFactory, transport: TinyServerAddress['type']): void {
  let folder: string;
  let server: TinyServer;
  let endpoint: TinyServerAddress;
  let connectors: Connector[];

  const create = (wishes: Omit<ConnectorWishes, 'endpoint'> = {}) => {
    const connector = factory.create({ endpoint, ...wishes });
    connectors.push(connector);
    return connector;
  };

  /** Sends something and waits for the server to send it back. */
  const talk = async ({ channel, excess }: Established): Promise<number[]> => {
    const listener = new Listener();
    listener.received.push(...excess);
    channel.open(listener);
    channel.send([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    await expect.poll(() => listener.received.length, { timeout: 5000 }).toBeGreaterThanOrEqual(3);
    return listener.received;
  };

  const caught = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
    connectors = [];
    server = new TinyServer();
    const anywhere = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;
    endpoint = await server.listen(transport === 'tcp' ? anywhere : { type: 'unix', path: join(folder, 'socket') });
  });

  afterEach(async () => {
    for (const connector of connectors) connector.release();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('hands over a connection in its transmission phase', async () => {
    const established = await create().establish({ wait: true });
    expect(established.facts).toMatchObject({
      style: 'newstyle-fixed',
      mode: 'structured',
      size: tinyServerExportBytes,
      contexts: [{ name: 'base:allocation', id: 1 }],
    });
    expect(established.channel.peer.transport).toBe(transport);
    expect(await talk(established)).toEqual([1, 2, 3]);
    established.channel.destroy();
    expect(await established.channel.closed).toEqual({ by: 'us', cause: undefined });
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('loses no byte that comes behind the handshake', async () => {
    server.configure({ excess: Uint8Array.of(9, 8, 7) });
    const established = await create().establish({ wait: true });
    const listener = new Listener();
    listener.received.push(...established.excess);
    established.channel.open(listener);
    await expect.poll(() => listener.received).toEqual([9, 8, 7]);
    established.channel.destroy();
  });

  it('makes several connections, each its owner`s own', async () => {
    const connector = create();
    const first = await connector.establish({ wait: true });
    const second = await connector.establish({ wait: true });
    connector.release();
    expect(server.openCount).toBe(2);
    first.channel.destroy();
    await first.channel.closed;
    expect(await talk(second)).toEqual([1, 2, 3]);
    second.channel.destroy();
  });

  it('answers at once when asked not to wait, and has the connection later', async () => {
    const connector = create();
    const reason = await caught(connector.establish({ wait: false }));
    expect(reason).toBeInstanceOf(ConnectError);
    expect(reason).toMatchObject({ code: 'ERR_NBD_CONNECT_NONE_YET' });
    let established: Established | undefined;
    for (let round = 0; round < 500 && established === undefined; round++) {
      established = await connector.establish({ wait: false }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(server.acceptedCount).toBe(1);
    expect(established).toBeDefined();
    expect(await talk(established as Established)).toEqual([1, 2, 3]);
    established?.channel.destroy();
  });

  it('tells why nobody is there, each caller by an error of its own', async () => {
    await server.close();
    const connector = create();
    const reasons = [
      await caught(connector.establish({ wait: true })),
      await caught(connector.establish({ wait: true })),
    ];
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(ConnectError);
      expect(reason).toMatchObject({
        code: transport === 'tcp' ? 'ERR_NBD_REFUSED' : 'ERR_NBD_CONNECT',
        attempts: 1,
        message: expect.stringContaining(endpoint.type === 'tcp' ? `127.0.0.1:${endpoint.port}` : endpoint.path),
      });
    }
    expect(reasons[0]).not.toBe(reasons[1]);
  });

  it('tells a refusal, with its class, code and text', async () => {
    const reason = await caught(create({ exportName: 'absent' }).establish({ wait: true }));
    expect(reason).toBeInstanceOf(NegotiationError);
    expect(reason).toMatchObject({
      code: 'ERR_NBD_UNKNOWN_EXPORT',
      permanent: true,
      option: 'GO',
      serverText: 'no such export here',
      message: expect.stringMatching(/^nbd(\+unix)?:\/\/.*absent/),
    });
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('gives up on a server that says nothing', async () => {
    server.configure({ silent: true });
    const reason = await caught(create({ handshakeTimeoutMs: 50 }).establish({ wait: true }));
    expect(reason).toBeInstanceOf(TimeoutError);
    expect(reason).toMatchObject({ phase: 'handshake' });
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('tells when the server dies in the middle of the handshake', async () => {
    const connector = create();
    // Later than that, a server that dies is taken for one that cannot stand an option, and is met with less.
    for (const hangUpAfterBytes of [0, 5, 18, 25]) {
      server.configure({ hangUpAfterBytes });
      const reason = await caught(connector.establish({ wait: true }));
      expect(reason).toMatchObject({ name: 'ConnectError', code: 'ERR_NBD_PEER_CLOSED', permanent: false });
    }
    server.configure({});
    const established = await connector.establish({ wait: true });
    established.channel.destroy();
  });

  it('keeps what is made after a wait was given up, for the next caller', async () => {
    const connector = create();
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const outcome = connector.establish({ wait: true, signal: controller.signal });
    controller.abort(reason);
    expect(await caught(outcome)).toBe(reason);
    await expect.poll(() => server.acceptedCount).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const established = await connector.establish({ wait: true });
    expect(server.acceptedCount).toBe(1);
    expect(await talk(established)).toEqual([1, 2, 3]);
    established.channel.destroy();
  });

  it('keeps no connection whose peer has gone', async () => {
    server.configure({ hangUpAfterMs: 1 });
    const connector = create();
    await caught(connector.establish({ wait: false }));
    await expect.poll(() => server.acceptedCount).toBe(1);
    await expect.poll(() => server.openCount).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.configure({});
    const established = await connector.establish({ wait: true });
    expect(server.acceptedCount).toBe(2);
    expect(await talk(established)).toEqual([1, 2, 3]);
    established.channel.destroy();
  });

  it('rejects at once when the signal has been given already', async () => {
    const reason = new Error('never mind');
    const signal = AbortSignal.abort(reason);
    expect(await caught(create().establish({ wait: true, signal }))).toBe(reason);
    expect(server.acceptedCount).toBe(0);
  });

  it('lets one caller wait at a time', async () => {
    const connector = create();
    const first = connector.establish({ wait: true });
    expect(await caught(connector.establish({ wait: true }))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_NBD_STATE',
    });
    (await first).channel.destroy();
  });

  it('tries again until there is a server', async () => {
    await server.close();
    const connector = create();
    connector.retry(true);
    const outcome = connector.establish({ wait: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    server = new TinyServer();
    await server.listen(endpoint);
    const established = await outcome;
    expect(await talk(established)).toEqual([1, 2, 3]);
    established.channel.destroy();
  });

  it('does not try again what would be refused again', async () => {
    const connector = create({ exportName: 'absent' });
    connector.retry(true);
    expect(await caught(connector.establish({ wait: true }))).toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
    expect(server.acceptedCount).toBe(1);
  });

  it('opens with patience, which ends', async () => {
    await server.close();
    const reason = await caught(create({ openTimeoutMs: 50 }).establish({ wait: true }));
    expect(reason).toBeInstanceOf(TimeoutError);
    expect(reason).toMatchObject({ phase: 'open', cause: { name: 'ConnectError' } });
  });

  it('can be let go during a handshake, which closes the connection', async () => {
    server.configure({ silent: true });
    const connector = create();
    const outcome = caught(connector.establish({ wait: true }));
    await expect.poll(() => server.openCount).toBe(1);
    connector.release();
    expect(await outcome).toMatchObject({ name: 'UsageError', code: 'ERR_NBD_CLOSED' });
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('can be let go during a sleep', async () => {
    await server.close();
    const connector = create();
    connector.retry(true);
    const outcome = caught(connector.establish({ wait: true }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    connector.release();
    expect(await outcome).toBeInstanceOf(UsageError);
  });

  it('can be let go right after it was asked', async () => {
    const connector = create();
    const outcome = caught(connector.establish({ wait: true }));
    connector.release();
    expect(await outcome).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.openCount).toBe(0);
  });

  it('closes what nobody has taken when it is let go', async () => {
    const connector = create();
    await caught(connector.establish({ wait: false }));
    await expect.poll(() => server.openCount).toBe(1);
    connector.release();
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('refuses everything once it was let go', async () => {
    const connector = create();
    connector.release();
    connector.release();
    connector.retry(true);
    for (const wait of [true, false]) {
      expect(await caught(connector.establish({ wait }))).toMatchObject({ name: 'UsageError', code: 'ERR_NBD_CLOSED' });
    }
  });

  it('gives channels that tell when the server dies', async () => {
    const { channel } = await create().establish({ wait: true });
    const listener = new Listener();
    channel.open(listener);
    server.dropAll();
    await expect.poll(() => listener.hasEnded).toBe(true);
    channel.destroy();
    await channel.closed;
  });

  it('gives channels that tell so even when they are opened late', async () => {
    const { channel } = await create().establish({ wait: true });
    server.dropAll();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const listener = new Listener();
    channel.open(listener);
    await expect.poll(() => listener.hasEnded).toBe(true);
    channel.destroy();
    await channel.closed;
  });
}
