import type { ByteChannel, CloseReason } from '@nbdjs/interfaces';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { openWeb } from '../src/node/index.ts';
import { webServer } from './echo.testing.ts';
import { type FrameToSend, opcode, RawClient } from './raw-client.testing.ts';

const bytesOf = (length: number, seed = 1): Uint8Array => {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
};

async function reasonOf(channels: readonly ByteChannel[]): Promise<CloseReason | undefined> {
  return channels[0]?.closed;
}

describe('frames of a client', () => {
  it('have 1 byte each', async () => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port);
    const bytes = bytesOf(5000);
    client.send(...Array.from(bytes, (byte) => ({ payload: Uint8Array.of(byte) })));
    await client.until(() => client.received.length === bytes.length);
    expect(client.received.equals(bytes)).toBe(true);
  });

  it('have 16 MiB', { timeout: 30_000 }, async () => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port);
    const bytes = bytesOf(2 ** 24);
    client.send({ payload: bytes });
    await client.until(() => client.received.length === bytes.length);
    expect(client.received.equals(bytes)).toBe(true);
  });

  it('are fragments of messages, cut at random, with Pings in between', async () => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port);
    const random = seededRandom(5);
    const bytes = bytesOf(200_000, 3);
    const frames: FrameToSend[] = [];
    let pings = 0;
    let isFirst = true;
    for (let position = 0; position < bytes.length; ) {
      const length = Math.floor(random() ** 3 * 5000);
      const payload = bytes.subarray(position, position + length);
      position += payload.length;
      const fin = random() < 0.2 || position === bytes.length;
      frames.push({ opcode: isFirst ? opcode.binary : opcode.continuation, fin, payload });
      isFirst = fin;
      if (random() < 0.3) {
        frames.push({ opcode: opcode.ping, payload: Uint8Array.of(pings++) });
      }
    }
    client.send(...frames);
    await client.until(() => client.received.length === bytes.length);
    expect(client.received.equals(bytes)).toBe(true);
    const pongs = client.frames.filter((one) => one.opcode === opcode.pong);
    expect(pongs.map(({ payload }) => payload[0])).toEqual(Array.from({ length: pings }, (_, index) => index % 256));
  });

  it('have no bytes, and mean nothing', async () => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port);
    client.send({}, { payload: Uint8Array.of(1) }, {}, { payload: Uint8Array.of(2) });
    await client.until(() => client.received.length === 2);
    expect([...client.received]).toEqual([1, 2]);
  });

  it.each<[string, FrameToSend[], number]>([
    ['text', [{ opcode: opcode.text, payload: Buffer.from('hello') }], 1003],
    ['a text in two fragments', [{ opcode: opcode.text, fin: false }, { opcode: opcode.continuation }], 1003],
    ['no mask', [{ isMasked: false, payload: Uint8Array.of(1) }], 1002],
    ['a continuation of nothing', [{ opcode: opcode.continuation, payload: Uint8Array.of(1) }], 1002],
    ['an unknown opcode', [{ opcode: 5, payload: Uint8Array.of(1) }], 1002],
    ['a message that is too long', [{ payload: new Uint8Array(1001) }], 1009],
    [
      'fragments that are too long together',
      [
        { fin: false, payload: new Uint8Array(600) },
        { opcode: opcode.continuation, payload: new Uint8Array(600) },
      ],
      1009,
    ],
  ])('are refused: %s', async (_, frames, code) => {
    await using server = await webServer({ messageBytesMax: 1000 });
    await using client = await RawClient.connect(server.port);
    client.send(...frames);
    await client.until(() => client.closeCode !== undefined);
    expect(client.closeCode).toBe(code);
    expect(await reasonOf(server.channels)).toMatchObject({ by: 'error' });
    await client.until(() => client.socket.destroyed || client.socket.readableEnded);
  });

  it.each<[number | undefined, CloseReason['by'], RegExp | undefined]>([
    [1000, 'peer', undefined],
    [1001, 'peer', undefined],
    [undefined, 'peer', undefined],
    [1008, 'error', /policy.*code 1008, "no \[31m entry"/],
    [1011, 'error', /internal error/],
    [3000, 'error', /token/],
    [4999, 'error', /code of its own \(code 4999/],
  ])('close with the code %s', async (code, by, message) => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port);
    const payload = Buffer.alloc(code === undefined ? 0 : 2);
    if (code !== undefined) payload.writeUInt16BE(code);
    const reason = code === undefined ? '' : 'no \u001b[31m\nentry';
    client.send({ opcode: opcode.close, payload: Buffer.concat([payload, Buffer.from(reason)]) });
    const end = await reasonOf(server.channels);
    expect(end?.by).toBe(by);
    if (message !== undefined)
      expect(end).toMatchObject({ cause: { message: expect.stringMatching(message), closeCode: code } });
  });

  it('end without Close: that is an error like a reset', async () => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port);
    client.socket.end();
    expect(await reasonOf(server.channels)).toMatchObject({
      by: 'error',
      cause: { code: 'ECONNRESET', closeCode: 1006 },
    });
  });
});

describe('a client that never reads', () => {
  it('has us wait, and is bounded', async () => {
    let sentBytes = 0;
    await using server = await webServer({}, (channel) => {
      const sendOn = (): void => {
        for (let isFree = true; isFree && sentBytes < 2 ** 30; sentBytes += 65_536) {
          isFree = channel.send([new Uint8Array(65_536)]);
        }
      };
      channel.open({ writable: () => new Uint8Array(100), advance: sendOn, drained: sendOn, ended() {} });
    });
    await using client = await RawClient.connect(server.port);
    client.socket.pause();
    client.send({ payload: Uint8Array.of(1) });
    // What has come to rest waits for the client.
    for (let before = -1; before !== sentBytes || sentBytes === 0; ) {
      before = sentBytes;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(sentBytes).toBeLessThan(32 * 2 ** 20);
    expect(server.channels[0]?.queuedBytes).toBeGreaterThan(0);
    server.channels[0]?.destroy(new Error('too slow'));
    expect(await reasonOf(server.channels)).toMatchObject({ by: 'us' });
  });

  it('is made to wait itself while its bytes are not taken', async () => {
    await using server = await webServer({}, (channel) => {
      channel.open({
        writable: () => new Uint8Array(65_536),
        advance: () => channel.pause(true),
        drained() {},
        ended() {},
      });
    });
    await using client = await RawClient.connect(server.port);
    let queued = 0;
    for (let round = 0; round < 400; round++) {
      client.send({ payload: new Uint8Array(65_536) });
      await new Promise((resolve) => setImmediate(resolve));
      queued = client.socket.writableLength;
    }
    // Most of it waits in the client; the kernel's buffers have the rest.
    expect(queued).toBeGreaterThan(12 * 2 ** 20);
  });
});

describe('a server', () => {
  it('that closes is reported with its code', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) => socket.close(1013, 'later'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const channel = await openWeb(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
      const cause = await new Promise((ended) =>
        channel.open({ writable: () => new Uint8Array(1), advance() {}, drained() {}, ended }),
      );
      expect(cause).toMatchObject({ closeCode: 1013, message: expect.stringMatching(/overloaded.*later/) });
    } finally {
      server.close();
    }
  });
});
