/** A client and a server over streams that the caller has made. */
import { createConnection, createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { TransformStream } from 'node:stream/web';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { patternBytes } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptStream, type ByteChannel, connect } from '../src/index.ts';

const size = 2 ** 20;
const content = patternBytes(size);
let server: Server;

beforeEach(async () => {
  const device = createMemoryDevice({ size });
  await device.write(0, content);
  server = createServer({ exports: { '': device } });
});

afterEach(async () => {
  await expect.poll(() => server.sessions.length).toBe(0);
  await server.destroy();
});

/** Two streams of Node, each of which gets what the other is given. */
function duplexes(): [Duplex, Duplex] {
  const [up, down] = [new PassThrough(), new PassThrough()];
  return [Duplex.from({ readable: down, writable: up }), Duplex.from({ readable: up, writable: down })];
}

const accept = (channel: ByteChannel): void => void server.accept(channel);

const openers: Record<string, () => ByteChannel> = {
  'streams of Node': () => {
    const [ours, theirs] = duplexes();
    accept(adoptStream(theirs));
    return adoptStream(ours);
  },
  'web streams': () => {
    const up = new TransformStream<Uint8Array, Uint8Array>();
    const down = new TransformStream<Uint8Array, Uint8Array>();
    accept(adoptStream({ readable: up.readable, writable: down.writable }));
    return adoptStream({ readable: down.readable, writable: up.writable });
  },
};

describe.each(Object.entries(openers))('NBD over %s', (_, open) => {
  it('carries requests and their data both ways', async () => {
    const disk = await connect({ open });
    const reads = await Promise.all(Array.from({ length: 64 }, (_, index) => disk.readBytes(index * 16384, 16384)));
    expect(Buffer.concat(reads).equals(content)).toBe(true);
    const written = patternBytes(600_000).reverse();
    await Promise.all([disk.write(0, written.subarray(0, 300_000)), disk.write(300_000, written.subarray(300_000))]);
    await disk.flush();
    expect(Buffer.from(await disk.readBytes(0, 600_000)).equals(written)).toBe(true);
    await disk.close();
  });

  it('survives the loss of a stream', async () => {
    let last: ByteChannel | undefined;
    const remember = () => {
      last = open();
      return last;
    };
    const disk = await connect({ open: remember }, { reconnectDelayMs: 10_000 });
    const reading = disk.readBytes(0, 65536);
    last?.destroy(new Error('cut'));
    expect(Buffer.from(await reading).equals(content.subarray(0, 65536))).toBe(true);
    await disk.close();
  });
});

it('a stream that was given before cannot be opened again', async () => {
  const [ours, theirs] = duplexes();
  accept(adoptStream(theirs));
  const disk = await connect({ open: () => adoptStream(ours), name: 'one stream' }, { reconnectDelayMs: 10_000 });
  ours.destroy();
  const failure = () => disk.readBytes(0, 512).catch((reason: unknown) => reason);
  const ended = { name: 'UsageError', code: 'ERR_NBD_CLOSED', message: 'one stream: stream: the stream has ended' };
  expect(await failure()).toMatchObject({ name: 'ConnectionLostError', cause: ended });
  expect(await failure()).toMatchObject(ended);
  await disk.close().catch(() => {});
});

it('sockets of a server of the caller are served', async () => {
  const sockets: SocketServer = createSocketServer({ allowHalfOpen: true }, (socket) => accept(adoptStream(socket)));
  await new Promise<void>((resolve) => void sockets.listen(0, '127.0.0.1', resolve));
  const { port } = sockets.address() as { port: number };
  const disk = await connect({
    open: ({ signal }) =>
      new Promise((resolve, reject) => {
        const socket = createConnection({ port, host: '127.0.0.1', signal });
        socket.once('error', reject).once('connect', () => {
          socket.off('error', reject);
          resolve(adoptStream(socket));
        });
      }),
  });
  expect(Buffer.from(await disk.readBytes(0, size)).equals(content)).toBe(true);
  await disk.close();
  await new Promise((resolve) => sockets.close(resolve));
});
