import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectTcp, connectUnix } from '../src/index.ts';

let folder: string;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-transport-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

/** A server that hangs up on every client. */
async function listen(...where: [string] | [number, string]): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject).listen(...(where as [number, string]), resolve);
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

interface Unattended extends AsyncDisposable {
  readonly port: number;
  /** Has connections wait until there is room for no more. */
  fill(): Promise<void>;
  /** Takes those that wait, and those that come. */
  attend(): void;
}

/** A server whose queue is short, and whose thread accepts no connection before the test lets it. */
async function listenUnattended(where: { path: string } | { host: string; port: number }): Promise<Unattended> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData: { where, gate } } = require('node:worker_threads');
    const server = require('node:net').createServer((socket) => socket.on('error', () => {}));
    server.listen({ ...where, backlog: 1 }, () => {
      parentPort.postMessage(server.address());
      setImmediate(() => Atomics.wait(gate, 0, 0, 10_000));
    });`,
    { eval: true, workerData: { where, gate } },
  );
  const address = await new Promise<{ port: number }>((resolve) => worker.once('message', resolve));
  // The thread is in its wait soon after its message.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const fillers: Socket[] = [];
  const attend = (): void => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  return {
    port: address.port,
    async fill() {
      for (let count = 0; count < 4; count++) {
        const socket = createConnection('path' in where ? where : { ...where, port: address.port });
        fillers.push(socket.on('error', () => {}));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
    attend,
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy();
      attend();
      await worker.terminate();
    },
  };
}

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe('TCP', () => {
  /** Lets `localhost` have an address of each family, regardless of this machine's own tables. */
  const resolveBoth = (...order: readonly string[]): void => {
    const answer = order.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _how: object, tell: (...found: unknown[]) => void) =>
      tell(null, answer)) as unknown as typeof dns.lookup);
  };

  it.each([
    ['127.0.0.1', '::1'],
    ['::1', '127.0.0.1'],
  ] as const)('finds localhost where only %s listens', async (address, other) => {
    const port = await listen(0, address);
    resolveBoth(other, address);
    const channel = await connectTcp({ host: 'localhost', port });
    channel.destroy();
    await channel.closed;
  });

  it('B8: does not give up a slow address for another that refuses', async () => {
    await using slow = await listenUnattended({ host: '127.0.0.1', port: 0 });
    await slow.fill();
    resolveBoth('127.0.0.1', '127.0.0.2');
    let isConnected = false;
    const connecting = connectTcp({ host: 'localhost', port: slow.port }).finally(() => {
      isConnected = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(isConnected).toBe(false);
    slow.attend();
    const channel = await connecting;
    channel.destroy();
    await channel.closed;
  });

  it('B8: names each address with its own reason, and reports no refusal of an address without an answer', async () => {
    await using slow = await listenUnattended({ host: '127.0.0.1', port: 0 });
    await slow.fill();
    resolveBoth('127.0.0.1', '127.0.0.2');
    const { port } = slow;
    await expect(connectTcp({ host: 'localhost', port }, { connectTimeoutMs: 400 })).rejects.toMatchObject({
      code: 'ERR_NBD_TIMEOUT',
      message: `cannot connect to localhost:${port}: 127.0.0.1: no answer within 400 ms; 127.0.0.2: connection refused`,
    });
  });

  it('P8: names what an address of a link lacks', async () => {
    await expect(connectTcp({ host: 'fe80::1', port: 10809 })).rejects.toMatchObject({
      message:
        'cannot connect to [fe80::1]:10809: an address of a link needs the name of the interface, as in fe80::1%eth0',
    });
  });

  it('B11: has the system ask a silent peer whether it is still there', async () => {
    const keepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive');
    const channel = await connectTcp({ host: '127.0.0.1', port: await listen(0, '127.0.0.1') });
    expect(keepAlive).toHaveBeenCalledWith(true, expect.any(Number));
    channel.destroy();
  });

  it('names all addresses that were tried', async () => {
    const port = await listen(0, '127.0.0.1');
    servers.pop()?.close();
    resolveBoth('::1', '127.0.0.1');
    await expect(connectTcp({ host: 'localhost', port })).rejects.toMatchObject({
      code: 'ERR_NBD_REFUSED',
      message: `cannot connect to localhost:${port}: connection refused (tried ::1, 127.0.0.1)`,
    });
  });

  it('keeps to one family if that is set', async () => {
    const port = await listen(0, '127.0.0.1');
    const channel = await connectTcp({ host: 'localhost', port, family: 4 });
    channel.destroy();
    await expect(connectTcp({ host: 'localhost', port, family: 6 })).rejects.toMatchObject({ name: 'ConnectError' });
  });

  it.each([0, -1, 65_536, 1.5, Number.NaN])('refuses port %d at once, and leaves nothing', async (port) => {
    const before = timers();
    await expect(connectTcp({ host: 'localhost', port })).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: `the port to connect to must be 1 to 65535, got ${port}`,
    });
    expect(timers()).toBe(before);
  });

  it('refuses an empty host, which the system would take for this one', async () => {
    await expect(connectTcp({ host: '', port: 1 })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it.each(['h\n', 'h x', '\u001b[2J'])('refuses the host %j, which would break the lines of messages', async (host) => {
    await expect(connectTcp({ host, port: 1 })).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: expect.stringMatching(/^the host to connect to, "h?[^\p{Cc}]+", is neither a name nor an address$/u),
    });
  });

  it('gives up in time, and leaves no socket', async () => {
    const port = await listen(0, '127.0.0.1');
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = sockets();
    // No answer comes within the turn.
    const connecting = connectTcp({ host: '127.0.0.1', port }, { connectTimeoutMs: 0 });
    const outcome = connecting.catch((error: unknown) => error);
    const until = performance.now() + 20;
    while (performance.now() < until);
    expect(await outcome).toMatchObject({
      name: 'TimeoutError',
      phase: 'connect',
      message: `cannot connect to 127.0.0.1:${port}: no answer within 0 ms`,
    });
    await expect.poll(sockets).toBeLessThanOrEqual(before);
  });
});

describe('Unix sockets', () => {
  it('distinguishes a file that is not a socket from a socket without a listener', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(connectUnix(file)).rejects.toMatchObject({
      code: 'ERR_NBD_CONNECT',
      message: `cannot connect to ${file}: it is not a socket`,
    });
    await expect(connectUnix(folder)).rejects.toThrow(/: it is not a socket$/);
    await expect(connectUnix(join(file, 'below'))).rejects.toThrow(/: there is no such socket$/);
  });

  it("B6: waits for room in the server's queue", async () => {
    const path = join(folder, 'full');
    await using server = await listenUnattended({ path });
    await server.fill();
    const connecting = connectUnix(path);
    const soon = new Promise((resolve) => setTimeout(resolve, 100, 'waits'));
    expect(await Promise.race([connecting, soon])).toBe('waits');
    server.attend();
    const channel = await connecting;
    channel.destroy();
  });

  it('B6: reports that the queue is full when it stays so, and leaves no timer', async () => {
    const path = join(folder, 'full');
    await using server = await listenUnattended({ path });
    await server.fill();
    const before = timers();
    await expect(connectUnix(path, { connectTimeoutMs: 100 })).rejects.toMatchObject({
      code: 'ERR_NBD_TIMEOUT',
      message: `cannot connect to ${path}: the server's queue was full for 100 ms`,
    });
    const reason = new Error('enough');
    const abort = new AbortController();
    const connecting = connectUnix(path, { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 20);
    await expect(connecting).rejects.toBe(reason);
    expect(timers()).toBe(before);
  });

  it.each(['', 'a\0b', '\0a\0b', `/${'ü'.repeat(54)}`])('refuses the path %j', async (path) => {
    await expect(connectUnix(path)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it.runIf(process.platform === 'linux')('supports the abstract namespace', async () => {
    const name = `\0nbdjs-transport-${process.pid}`;
    await listen(name);
    const channel = await connectUnix(name);
    expect(channel.peer.name).toBe(`@${name.slice(1)}`);
    channel.destroy();
    await channel.closed;
    await expect(connectUnix(`${name}-nobody`)).rejects.toMatchObject({ code: 'ERR_NBD_REFUSED' });
  });
});

describe('diagnostics', () => {
  it('follow a channel from the attempt to its end', async () => {
    const path = join(folder, 'socket');
    await listen(path);
    const events: unknown[] = [];
    const hear = (message: unknown, name: string | symbol): void => void events.push([name, message]);
    const names = ['connect', 'connected', 'closed'].map((type) => `nbdjs:transport:${type}`);
    for (const name of names) subscribe(name, hear);
    const channel = await connectUnix(path);
    const cause = new Error('enough');
    channel.destroy(cause);
    await channel.closed;
    await connectUnix(join(folder, 'nobody')).catch(() => {});
    for (const name of names) unsubscribe(name, hear);
    const { peer } = channel;
    expect(events).toEqual([
      ['nbdjs:transport:connect', { peer }],
      ['nbdjs:transport:connected', { peer }],
      ['nbdjs:transport:closed', { peer, by: 'us', error: cause }],
      ['nbdjs:transport:connect', { peer: { ...peer, name: join(folder, 'nobody') } }],
    ]);
  });
});
