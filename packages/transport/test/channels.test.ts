import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { type ByteChannelFactory, byteChannelConformance, seededRandom } from '@nbdjs/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { StreamChannel } from '../src/channels/stream-channel.ts';
import {
  adoptDescriptor,
  connectEndpoint,
  connectTcp,
  connectUnix,
  createMemoryPair,
  detachDescriptor,
  runCommand,
} from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-transport-'));
const unixPath = join(folder, 'echo');
const servers: Server[] = [];
const sockets = new Set<Socket>();
let port = 0;

/** Sends back what it gets, and ends when the other side ends. */
function echo(socket: Socket): void {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  socket.pipe(socket);
}

beforeAll(async () => {
  const tcp = createServer({ allowHalfOpen: true }, echo);
  const unix = createServer({ allowHalfOpen: true }, echo);
  servers.push(tcp, unix);
  await new Promise<void>((resolve) => void tcp.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => void unix.listen(unixPath, resolve));
  port = (tcp.address() as { port: number }).port;
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

/** Our channels keep every rule; those over streams of Node's also when the stream reports an error and is not closed. */
const conformance = (name: string, factory: ByteChannelFactory): void => {
  let last: ByteChannel | undefined;
  const connect = async (): Promise<ByteChannel> => {
    last = await factory.connect();
    return last;
  };
  const fail = (): void => {
    if (last instanceof StreamChannel) last.stream.emit('error', new Error('the stream is broken'));
  };
  byteChannelConformance(name, { fail, ...factory, connect });
};

const kill = (): void => {
  for (const socket of sockets) socket.destroy();
};

conformance('TCP', { connect: () => connectTcp({ host: '127.0.0.1', port }), kill });
conformance('Unix socket', { connect: () => connectUnix(unixPath), kill });
conformance('a socket that was detached and adopted', {
  connect: async () => {
    const detached = detachDescriptor(await connectUnix(unixPath));
    return adoptDescriptor(detached?.fd ?? -1, detached?.peer);
  },
  kill,
});
byteChannelConformance('memory', {
  connect: async () => {
    const [ours, theirs] = createMemoryPair();
    echoInMemory(theirs);
    peers.add(theirs);
    return ours;
  },
  kill: () => {
    for (const peer of peers) peer.destroy();
    peers.clear();
  },
});
byteChannelConformance('memory, cut to pieces', {
  connect: async () => {
    const random = seededRandom(7);
    const [ours, theirs] = createMemoryPair({ capacityBytes: 9000, cut: () => 1 + Math.floor(random() ** 3 * 9000) });
    echoInMemory(theirs);
    return ours;
  },
});
conformance('an adopted descriptor', {
  connect: async () => {
    // A plain socket of another process, whose descriptor we inherit.
    const socket = createConnection(unixPath);
    await once(socket, 'connect');
    const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } };
    const fd = duplicateDescriptor(handle.fd) ?? -1;
    socket.destroy();
    return adoptDescriptor(fd);
  },
  kill,
});
conformance('a stream that is copied from', {
  connect: async () => {
    const socket = createConnection({ path: unixPath, allowHalfOpen: true });
    await once(socket, 'connect');
    return new StreamChannel(socket, { name: unixPath, transport: 'unix', tls: false });
  },
  kill,
});
conformance('a command on a socket pair', {
  connect: () => connectEndpoint({ type: 'command', command: ['cat'], mode: 'socket-pair' }),
});

const peers = new Set<ByteChannel>();

function echoInMemory(channel: ByteChannel): void {
  const buffer = new Uint8Array(10_000);
  channel.open({
    writable: () => buffer,
    advance: (byteCount) => {
      if (!channel.send([buffer.subarray(0, byteCount)])) channel.pause(true);
    },
    drained: () => channel.pause(false),
    ended: () => channel.end(),
  });
}

describe('sending', () => {
  /** A Unix socket whose peer reads nothing until the test lets it. */
  async function unread(): Promise<{ channel: ByteChannel; peer: Socket; drained: Promise<void> } & AsyncDisposable> {
    const path = join(folder, 'unread');
    const server = createServer({ pauseOnConnect: true });
    server.listen(path);
    const [channel, [peer]] = await Promise.all([connectUnix(path), once(server, 'connection') as Promise<[Socket]>]);
    const drained = new Promise<void>((resolve) => {
      const memory = new Uint8Array(100);
      channel.open({ writable: () => memory, advance: () => {}, drained: resolve, ended: () => {} });
    });
    return {
      channel,
      peer,
      drained,
      async [Symbol.asyncDispose]() {
        channel.destroy();
        peer.destroy();
        server.close();
        await channel.closed;
      },
    };
  }

  it.runIf(process.platform === 'linux')(
    'leaves a long message with the kernel before a local peer has read it, if it has read one before',
    async () => {
      await using pair = await unread();
      const message = new Uint8Array(600_000);
      const stays = (): Promise<boolean> =>
        new Promise((resolve) => setTimeout(() => resolve(pair.channel.queuedBytes !== 0), 100));
      // Memory for a peer that never reads would be wasted.
      expect(pair.channel.send([message])).toBe(false);
      expect(await stays()).toBe(true);
      pair.peer.resume();
      await pair.drained;
      pair.peer.pause();
      pair.channel.send([message]);
      await expect.poll(() => pair.channel.queuedBytes).toBe(0);
    },
  );

  it('reports how much of it the kernel has not taken, while it takes it', async () => {
    await using pair = await unread();
    expect(pair.channel.queuedBytes).toBe(0);
    const length = 8_000_000;
    expect(pair.channel.send([new Uint8Array(length / 2), new Uint8Array(length / 2)])).toBe(false);
    const before = pair.channel.queuedBytes ?? 0;
    expect(before).toBeGreaterThan(length / 4);
    expect(before).toBeLessThanOrEqual(length);
    // A receiver that takes a part is noticed, long before all is sent.
    let takenBytes = 0;
    pair.peer.on('data', ({ length: byteCount }: Buffer) => {
      takenBytes += byteCount;
      if (takenBytes > 2_000_000 && takenBytes - byteCount <= 2_000_000) pair.peer.pause();
    });
    pair.peer.resume();
    await expect.poll(() => takenBytes).toBeGreaterThan(2_000_000);
    await expect.poll(() => pair.channel.queuedBytes ?? 0).toBeLessThan(before);
    expect(pair.channel.queuedBytes).toBeGreaterThan(0);
    pair.peer.resume();
    await pair.drained;
    expect(pair.channel.queuedBytes).toBe(0);
  });

  it('ends with an error when it is given bytes for a peer that has disconnected', async () => {
    const channel = await connectUnix(unixPath);
    kill();
    // A side that does not read finds out when it writes.
    await vi.waitFor(() => expect(sockets.size).toBe(0));
    expect(channel.send([Uint8Array.of(1), Uint8Array.of(2)])).toBe(true);
    const { stackTraceLimit } = Error;
    expect(await channel.closed).toMatchObject({
      by: 'error',
      cause: { message: 'write EPIPE', code: 'EPIPE', syscall: 'write' },
    });
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect(channel.send([Uint8Array.of(3)])).toBe(true);
  });

  it('delivers every byte of what the kernel takes in parts, at any length', async () => {
    await using pair = await unread();
    const sent: Uint8Array[] = [];
    const random = seededRandom(3);
    let byteCount = 0;
    for (let index = 0; byteCount < 6_000_000; index++) {
      const chunks = Array.from({ length: 1 + (index % 5) }, () =>
        new Uint8Array(Math.floor(random() ** 4 * 700_000)).fill(1 + (sent.length % 250)),
      );
      for (const chunk of chunks) byteCount += chunk.length;
      sent.push(...chunks);
      pair.channel.send(chunks);
    }
    pair.channel.end();
    const received: Uint8Array[] = [];
    for await (const piece of pair.peer) received.push(piece as Uint8Array);
    expect(Buffer.compare(Buffer.concat(received), Buffer.concat(sent))).toBe(0);
  });
});

describe('connecting', () => {
  it('names a port that refuses', async () => {
    await expect(connectTcp({ host: '127.0.0.1', port: 1 })).rejects.toMatchObject({
      code: 'ERR_NBD_REFUSED',
      message: 'cannot connect to 127.0.0.1:1: connection refused',
    });
  });

  it('names a host that does not exist', async () => {
    await expect(connectTcp({ host: 'no-such-host.invalid', port: 1 })).rejects.toMatchObject({
      code: 'ERR_NBD_HOST_NOT_FOUND',
      message: expect.stringContaining('no-such-host.invalid:1'),
    });
  });

  it('tries the families side by side', async () => {
    const channel = await connectTcp({ host: 'localhost', port });
    channel.destroy();
    await channel.closed;
  });

  it('names a socket that is not there', async () => {
    await expect(connectUnix(join(folder, 'nothing'))).rejects.toMatchObject({
      message: expect.stringMatching(/nothing: there is no such socket$/),
    });
  });

  it('refuses a path that does not fit', async () => {
    await expect(connectUnix(`/${'x'.repeat(107)}`)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it('ends when it is aborted', async () => {
    const reason = new Error('enough');
    await expect(connectUnix(unixPath, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const connecting = connectTcp({ host: '127.0.0.1', port }, { signal: abort.signal });
    abort.abort(reason);
    await expect(connecting).rejects.toBe(reason);
  });

  it('refuses a descriptor that is no socket', async () => {
    await expect(connectEndpoint({ type: 'descriptor', fd: 9999 })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it('has no vsock', async () => {
    await expect(connectEndpoint({ type: 'vsock', cid: 2, port: 1 })).rejects.toMatchObject({
      code: 'ERR_NBD_NOT_SUPPORTED',
    });
  });
});

describe('commands', () => {
  const program = `
    const net = require('node:net');
    if (process.env.LISTEN_PID !== String(process.pid) || process.env.LISTEN_FDS !== '1') process.exit(7);
    net.createServer((socket) => socket.pipe(socket)).listen({ fd: 3 });`;

  it('get a listening socket by socket activation, and serve several connections', async () => {
    const server = await runCommand({ command: [process.execPath, '-e', program], mode: 'socket-activation' });
    for (let round = 0; round < 3; round++) {
      const channel = await server.connect();
      const answer = new Promise<number>((resolve) => {
        const buffer = new Uint8Array(100);
        channel.open({ writable: () => buffer, advance: resolve, drained() {}, ended() {} });
      });
      channel.send([new Uint8Array(42)]);
      expect(await answer).toBe(42);
      channel.destroy();
    }
    await server.dispose();
    expect(await server.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await expect(server.connect()).rejects.toMatchObject({ code: 'ERR_NBD_COMMAND' });
  });

  it.each(['socket-activation', 'socket-pair'] as const)('that do not exist are named (%s)', async (mode) => {
    const connecting = connectEndpoint({ type: 'command', command: ['no-such-program-anywhere', 'x'], mode });
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_NBD_COMMAND',
      message: '[ no-such-program-anywhere x ]: there is no such program',
    });
  });

  it('work without native calls', async () => {
    vi.stubEnv('NBDJS_NO_NATIVE', '1');
    const channel = await connectEndpoint({ type: 'command', command: ['cat'], mode: 'socket-pair' });
    const answer = new Promise<number>((resolve) => {
      const buffer = new Uint8Array(100);
      channel.open({ writable: () => buffer, advance: resolve, drained() {}, ended() {} });
    });
    channel.send([new Uint8Array(42)]);
    expect(await answer).toBe(42);
    channel.destroy();
    vi.unstubAllEnvs();
  });
});
