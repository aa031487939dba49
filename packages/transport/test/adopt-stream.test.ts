/** Channels over streams of the caller's: both kinds keep the rules of channels, and bad ones are refused. */
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { type ReadableStreamDefaultController, TransformStream } from 'node:stream/web';
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { byteChannelConformance } from '@nbdjs/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adoptStream, type WebStreamPair } from '../src/index.ts';

const sockets = new Set<Socket>();
let server: Server;
let port = 0;

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

async function connected(): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

const kill = (): void => {
  for (const socket of sockets) socket.destroy();
};

byteChannelConformance('an adopted socket of Node', { connect: async () => adoptStream(await connected()), kill });

let through = new PassThrough();
byteChannelConformance('an adopted stream that echoes', {
  connect: async () => {
    through = new PassThrough();
    return adoptStream(through);
  },
  fail: () => through.destroy(new Error('the stream is broken')),
});

byteChannelConformance('an adopted pair of streams of Node', {
  connect: async () => {
    const socket = await connected();
    return adoptStream(Duplex.from({ readable: socket.pipe(new PassThrough()), writable: socket }));
  },
});

let breakWeb: (reason: Error) => void = () => {};
byteChannelConformance('adopted web streams that echo', {
  connect: async () =>
    adoptStream(
      new TransformStream<Uint8Array, Uint8Array>({
        start(controller) {
          breakWeb = (reason) => controller.error(reason);
        },
      }),
    ),
  fail: () => breakWeb(new Error('the stream is broken')),
});

byteChannelConformance('adopted web streams over a socket', {
  connect: async () => adoptStream(webStreamsOf(await connected())),
  kill,
});

/** The adapters of Node throw in the event loop when a stream is cancelled while bytes arrive. */
function webStreamsOf(socket: Socket): WebStreamPair {
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      socket.on('data', (bytes: Buffer) => {
        controller.enqueue(bytes);
        if ((controller.desiredSize ?? 0) <= 0) socket.pause();
      });
      socket.once('end', () => controller.close());
      socket.once('error', (error) => controller.error(error));
    },
    pull: () => void socket.resume(),
    cancel: () => void socket.removeAllListeners('data').removeAllListeners('end').destroy(),
  });
  const writable = new WritableStream<Uint8Array>({
    write: (bytes) => new Promise((done, fail) => void socket.write(bytes, (error) => (error ? fail(error) : done()))),
    close: () => new Promise<void>((done) => void socket.end(done)),
    abort: () => void socket.destroy(),
  });
  return { readable, writable };
}

/** Collects what a channel delivers. */
function collector(channel: ByteChannel) {
  const memory = new Uint8Array(1000);
  const seen = { bytes: [] as number[], drained: 0, ends: [] as (string | undefined)[] };
  const sink: ByteSink = {
    writable: () => memory,
    advance: (byteCount) => void seen.bytes.push(...memory.subarray(0, byteCount)),
    drained: () => void seen.drained++,
    ended: (cause) => void seen.ends.push(cause?.message),
  };
  channel.open(sink);
  return seen;
}

describe('adoptStream', () => {
  it('describes the peer as it is told to', async () => {
    const plain = adoptStream(new PassThrough());
    expect(plain.peer).toEqual({ name: 'stream', transport: 'stream', tls: false });
    const peer = { name: 'ssh backup', transport: 'ssh', tls: true };
    const other = adoptStream(new TransformStream<Uint8Array, Uint8Array>(), peer);
    expect(other.peer).toBe(peer);
    plain.destroy();
    other.destroy();
    expect(await Promise.all([plain.closed, other.closed])).toEqual([{ by: 'us' }, { by: 'us' }]);
  });

  it('gives copies to a stream that keeps what it is given', async () => {
    const kept: Uint8Array[] = [];
    const keeper = new Duplex({
      read() {},
      write(chunk: Uint8Array, _encoding, done) {
        kept.push(chunk);
        done();
      },
    });
    const channel = adoptStream(keeper);
    const memory = Uint8Array.of(1, 2, 3);
    expect(channel.send([memory, memory])).toBe(true);
    memory.fill(9);
    expect(kept.flatMap((chunk) => [...chunk])).toEqual([1, 2, 3, 1, 2, 3]);
    channel.destroy();
  });

  it('takes bytes in all forms from web streams, and nothing else', async () => {
    const chunks: unknown[] = [
      Uint8Array.of(1),
      Uint8Array.of(2, 3).buffer,
      new Uint16Array([0x0504]),
      new Uint8Array(0),
    ];
    const forms = () => {
      const left = [...chunks];
      const pull = (controller: ReadableStreamDefaultController) => {
        if (left.length === 0) controller.close();
        else controller.enqueue(left.shift());
      };
      return { readable: new ReadableStream({ pull }), writable: new WritableStream() };
    };
    const channel = adoptStream(forms() as WebStreamPair);
    const seen = collector(channel);
    await expect.poll(() => seen.ends).toEqual([undefined]);
    expect(seen.bytes).toEqual([1, 2, 3, 4, 5]);
    channel.destroy();
    chunks.splice(1, 0, 'text');
    const other = adoptStream(forms() as WebStreamPair);
    const message = "the stream has delivered 'text', expected a Uint8Array";
    const failed = collector(other);
    expect(await other.closed).toMatchObject({ by: 'error', cause: { message } });
    expect(failed).toEqual({ bytes: [1], drained: 0, ends: [message] });
  });

  it('reports what web streams have not taken, and stops a sender', async () => {
    let take: () => void = () => {};
    let taking = 0;
    const writable = new WritableStream<Uint8Array>({
      write: () =>
        new Promise<void>((resolve) => {
          take = resolve;
          taking++;
        }),
    });
    const channel = adoptStream({ readable: new ReadableStream(), writable });
    const seen = collector(channel);
    expect(channel.send([new Uint8Array(200_000)])).toBe(true);
    expect(channel.send([new Uint8Array(100_000)])).toBe(false);
    expect(channel.queuedBytes).toBe(300_000);
    await expect.poll(() => taking).toBe(1);
    take();
    await expect.poll(() => channel.queuedBytes).toBe(100_000);
    expect(seen.drained).toBe(0);
    await expect.poll(() => taking).toBe(2);
    take();
    await expect.poll(() => channel.queuedBytes).toBe(0);
    await expect.poll(() => seen.drained).toBe(1);
    channel.destroy();
  });

  it('passes errors and destroy on to web streams', async () => {
    const told: unknown[] = [];
    const cause = new Error('enough');
    const pair = () => ({
      readable: new ReadableStream({ cancel: (reason) => void told.push(['cancel', reason]) }),
      writable: new WritableStream<Uint8Array>({
        abort: (reason) => void told.push(['abort', reason]),
        write: () => Promise.reject(new Error('the disk is full')),
      }),
    });
    const destroyed = adoptStream(pair());
    destroyed.destroy(cause);
    expect(await destroyed.closed).toEqual({ by: 'us', cause });
    await expect
      .poll(() => told)
      .toEqual([
        ['cancel', cause],
        ['abort', cause],
      ]);
    told.length = 0;
    const failing = adoptStream(pair());
    const seen = collector(failing);
    failing.send([Uint8Array.of(1)]);
    expect(await failing.closed).toMatchObject({ by: 'error', cause: { message: 'the disk is full' } });
    expect(seen.ends).toEqual(['the disk is full']);
    await expect.poll(() => told).toMatchObject([['cancel', { message: 'the disk is full' }]]);
  });

  it('leaves streams that it refuses as they were', () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    expect(() => adoptStream({ readable, writable })).toThrow(/^stream: the streams cannot be used: /);
    expect(readable.locked).toBe(false);
    writer.releaseLock();
    adoptStream({ readable, writable }).destroy();
  });

  const ended = (): Duplex => new PassThrough().end() as Duplex;
  const text = (): Duplex => new PassThrough().setEncoding('utf8') as Duplex;
  it.each<[string, () => unknown, string, RegExp]>([
    [
      'nothing',
      () => undefined,
      'ERR_NBD_ARGUMENT',
      /the stream is undefined, expected a Duplex of Node, or \{ readable/,
    ],
    ['a web stream alone', () => new ReadableStream(), 'ERR_NBD_ARGUMENT', /expected a Duplex/],
    ['a stream of objects', () => new PassThrough({ objectMode: true }), 'ERR_NBD_ARGUMENT', /object mode/],
    ['a stream of text', text, 'ERR_NBD_ARGUMENT', /text \(utf8\)/],
    ['a stream that has ended', ended, 'ERR_NBD_CLOSED', /has ended/],
    ['a stream that is destroyed', () => new PassThrough().destroy(), 'ERR_NBD_CLOSED', /has ended/],
  ])('refuses %s', (_, make, code, message) => {
    const stream = make();
    expect(() => adoptStream(stream as Duplex)).toThrow(expect.objectContaining({ name: 'UsageError', code }) as Error);
    expect(() => adoptStream(stream as Duplex)).toThrow(message);
  });
});
