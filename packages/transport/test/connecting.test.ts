import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectTcp, connectUnix, type TransportEvent } from '../src/index.ts';

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

/** A server that hangs up on everybody. */
async function listen(...where: [string] | [number, string]): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject).listen(...(where as [number, string]), resolve);
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe('TCP', () => {
  /** Lets `localhost` have an address of each family, whatever this machine's own tables say. */
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

  it('names all addresses that were tried', async () => {
    const port = await listen(0, '127.0.0.1');
    servers.pop()?.close();
    resolveBoth('::1', '127.0.0.1');
    await expect(connectTcp({ host: 'localhost', port })).rejects.toMatchObject({
      code: 'ERR_NBD_REFUSED',
      message: `cannot connect to localhost:${port}: connection refused (tried ::1, 127.0.0.1)`,
    });
  });

  it('keeps to one family when told to', async () => {
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
  it('tells a file that is no socket from a socket without a listener', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(connectUnix(file)).rejects.toMatchObject({
      code: 'ERR_NBD_CONNECT',
      message: `cannot connect to ${file}: it is not a socket`,
    });
    await expect(connectUnix(folder)).rejects.toThrow(/: it is not a socket$/);
    await expect(connectUnix(join(file, 'below'))).rejects.toThrow(/: there is no such socket$/);
  });

  it.each(['', 'a\0b', '\0a\0b', `/${'ü'.repeat(54)}`])('refuses the path %j', async (path) => {
    await expect(connectUnix(path)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it.runIf(process.platform === 'linux')('knows the abstract namespace', async () => {
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
    const events: TransportEvent[] = [];
    const hear = (message: unknown): void => void events.push(message as TransportEvent);
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
      { type: 'connect', peer },
      { type: 'connected', peer },
      { type: 'closed', peer, reason: { by: 'us', cause } },
      { type: 'connect', peer: { ...peer, name: join(folder, 'nobody') } },
    ]);
  });
});
