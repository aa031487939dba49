/** Hostile peers of WebSockets and HTTP Upgrades: clients before and behind their handshake, and servers. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createSocketServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { type ByteChannel, isNbdError } from '@nbdjs/interfaces';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { attachWeb, openWeb } from '@nbdjs/websocket/node';
import { turns } from '../settling.ts';
import { type Input, insist, type Target } from '../target.ts';

/** Turns of the loop within which everything has to end that a hostile peer has begun and left. */
const turnsMax = 20_000;

const greeting = (upgrade: string): string =>
  `GET /nbd HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
const webSocketRequest = `${greeting('websocket')}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

/** One frame (RFC 6455, section 5.2). */
function frame(code: number, payload: Uint8Array, { fin = true, isMasked = true } = {}): Buffer {
  const { length } = payload;
  const head = [(fin ? 0x80 : 0) | code, (isMasked ? 0x80 : 0) | (length > 125 ? 126 : length)];
  if (length > 125) head.push(length >> 8, length & 255);
  const mask = isMasked ? [1, 2, 3, 4] : [];
  const bytes = isMasked ? payload.map((byte, index) => byte ^ (mask[index % 4] as number)) : payload;
  return Buffer.concat([Uint8Array.from([...head, ...mask]), bytes]);
}

/** What a client says that asks for the default export, and leaves: flags, then the option EXPORT_NAME, then DISC. */
const session = Buffer.from(
  ['00000003', '49484156454f5054', '00000001', '00000000', '2560951300000002', '00'.repeat(20)].join(''),
  'hex',
);

/** Good frames of one side: whole, in fragments with a Ping in between, byte by byte, and a Close. */
function frames(isMasked: boolean): readonly Uint8Array[] {
  const of = (code: number, payload: Uint8Array, fin = true) => frame(code, payload, { fin, isMasked });
  const close = of(8, Uint8Array.of(3, 232));
  return [
    Buffer.concat([of(2, session), close]),
    Buffer.concat([of(2, session.subarray(0, 7), false), of(9, Uint8Array.of(1)), of(0, session.subarray(7)), close]),
    Buffer.concat([...Array.from(session, (byte) => of(2, Uint8Array.of(byte))), close]),
    Buffer.concat([of(2, new Uint8Array(4000)), of(1, Buffer.from('text'))]),
  ];
}

/** Gives a peer's bytes to a stream, cut at random, and ends it: in order, or not. */
async function say(stream: Duplex, { seed, bytes }: Input): Promise<void> {
  const random = seededRandom(seed);
  stream.on('error', () => {});
  if (random() < 0.8) stream.resume();
  for (let position = 0; position < bytes.length && !stream.destroyed; ) {
    const length = 1 + Math.floor(random() ** 3 * bytes.length);
    stream.write(bytes.subarray(position, position + length));
    position += length;
    if (random() < 0.3) await turns(1, () => false);
  }
  await turns(5, () => false);
  if (random() < 0.5) stream.end();
  await turns(5, () => false);
  stream.destroy();
}

/** A hostile client of a server of NBD behind HTTP. */
async function attack(before: string, input: Input): Promise<void> {
  const nbd = createServer({ exports: { '': createMemoryDevice({ size: 65_536 }) } });
  const http = createHttpServer((_, response) => response.end());
  const channels: ByteChannel[] = [];
  let closedCount = 0;
  const attachment = attachWeb(http, { path: '/nbd', messageBytesMax: 65_536 }, (channel) => {
    channels.push(channel);
    void channel.closed.then(() => closedCount++);
    void nbd.accept(channel);
  });
  const [ours, theirs] = duplexPair();
  ours.on('error', () => {});
  http.emit('connection', ours);
  if (before !== '') theirs.write(before);
  await say(theirs, input);
  // A socket would be told that its peer is gone; the end of such a pair is not.
  ours.destroy();
  const isOver = (): boolean => closedCount === channels.length && nbd.sessions.length === 0;
  await turns(turnsMax, isOver);
  insist(closedCount === channels.length, 'a channel is left');
  insist(nbd.sessions.length === 0, 'a session is left');
  insist(nbd.bytesInFlight === 0, `${nbd.bytesInFlight} bytes are in flight`);
  insist(attachment.connections === 0, 'a connection is counted that is gone');
  attachment.close();
  await nbd.destroy();
}

/** A hostile server of a client of ours. */
async function mislead(input: Input): Promise<void> {
  const random = seededRandom(input.seed);
  const scheme = random() < 0.6 ? 'ws' : 'http';
  const isUpgraded = random() < 0.7;
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-fuzz-'));
  const socketPath = join(folder, 's');
  const sockets: Socket[] = [];
  const server = createSocketServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', (request) => {
      if (isUpgraded) socket.write(answer(scheme, request.toString('latin1')));
      void say(socket, input);
    });
  });
  try {
    await new Promise<void>((resolve) => void server.listen(socketPath, resolve));
    const channel = await openWeb(`${scheme}://localhost/`, { socketPath, connectTimeoutMs: 2000 });
    let receivedBytes = 0;
    let endCount = 0;
    const memory = new Uint8Array(1000);
    channel.open({
      writable: () => memory.subarray(0, 1 + Math.floor(random() * memory.length)),
      advance: (byteCount) => {
        receivedBytes += byteCount;
      },
      drained() {},
      ended() {
        endCount++;
        channel.destroy();
      },
    });
    channel.send([randomBytes(1000)]);
    await channel.closed;
    await turns(5, () => endCount > 0);
    insist(endCount === 1, `the sink was told of the end ${endCount} times`);
    insist(
      receivedBytes <= input.bytes.length,
      `${receivedBytes} bytes were delivered, ${input.bytes.length} were sent`,
    );
  } catch (error) {
    if (!isNbdError(error)) throw error;
    insist(error.message.length < 1000 && !/\p{Cc}/u.test(error.message), 'a message with what a server may not say');
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  }
}

/** The right answer to a request, so that what follows is taken for frames. */
function answer(scheme: string, request: string): string {
  const key = /sec-websocket-key: *(\S+)/i.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const upgrade = scheme === 'ws' ? `websocket\r\nSec-WebSocket-Accept: ${accept}` : 'nbd';
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`;
}

const text = (value: string): Uint8Array => Buffer.from(value);

export const webTargets: readonly Target[] = [
  {
    name: 'web-request',
    corpus: () => [
      ...frames(true).map((bytes) => Buffer.concat([text(webSocketRequest), bytes])),
      Buffer.concat([text(`${greeting('nbd')}\r\n`), session]),
      text(`${greeting('nbd')}Content-Length: 5\r\n\r\n{"a":1}`),
      text('GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: nbd\r\n\r\n'),
      text(`${greeting('websocket')}Origin: http://localhost\r\nAuthorization: Bearer x\r\n\r\n`),
    ],
    run: (input) => attack('', input),
  },
  { name: 'web-frames', corpus: () => frames(true), run: (input) => attack(webSocketRequest, input) },
  {
    name: 'web-client',
    corpus: () => [
      ...frames(false),
      text('HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\nsecret'),
      text(
        'HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      ),
      text('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nbd\r\n\r\nNBDMAGIC'),
    ],
    run: mislead,
  },
];
