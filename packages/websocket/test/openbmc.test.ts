/**
 * A page that behaves as that of OpenBMC's virtual media: a server of its own, which knows EXPORT_NAME and READ, answers each request in one
 * message, refuses all other options, and closes its WebSocket at DISC. Its token is its only subprotocol.
 */
import { connect } from '@nbdjs/client';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createIncomingChannels } from '../src/index.ts';
import { listenWeb } from '../src/node/index.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const optionMagic = Buffer.from('IHAVEOPT');

function reply(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * words.length);
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, 4 * index);
  return bytes;
}

/** Opens the page's WebSocket, and serves the file. */
function offer(url: string, token: string, file: Uint8Array): WebSocket {
  const socket = new WebSocket(url, [token]);
  let waiting = Buffer.alloc(0);
  let take: () => number = flags;
  socket.on('open', () => socket.send(Buffer.concat([Buffer.from('NBDMAGIC'), optionMagic, Uint8Array.of(0, 3)])));
  socket.on('message', (message: Buffer) => {
    waiting = Buffer.concat([waiting, message]);
    for (let taken = take(); taken > 0; taken = take()) waiting = waiting.subarray(taken);
  });
  return socket;

  function flags(): number {
    if (waiting.length < 4) return 0;
    take = option;
    return 4;
  }

  function option(): number {
    if (waiting.length < 16 || waiting.length < 16 + waiting.readUInt32BE(12)) return 0;
    expect(waiting.subarray(0, 8)).toEqual(optionMagic);
    const number = waiting.readUInt32BE(8);
    if (number === 1) {
      socket.send(Buffer.concat([reply(0, file.length), Uint8Array.of(0, 3)]));
      take = command;
    } else {
      // The magic number of replies, the option, ERR_UNSUP, and no text.
      socket.send(Buffer.concat([reply(0x3e889, 0x045565a9, number, 0x80000001, 0)]));
    }
    return 16 + waiting.readUInt32BE(12);
  }

  function command(): number {
    if (waiting.length < 28) return 0;
    const type = waiting.readUInt16BE(6);
    const [cookieHigh, cookieLow] = [waiting.readUInt32BE(8), waiting.readUInt32BE(12)];
    const [offset, length] = [waiting.readUInt32BE(20), waiting.readUInt32BE(24)];
    if (type === 2) socket.close();
    else {
      const data = type === 0 ? file.subarray(offset, offset + length) : new Uint8Array(0);
      socket.send(Buffer.concat([reply(0x67446698, type === 0 ? 0 : 22, cookieHigh, cookieLow), data]));
    }
    return 28;
  }
}

it('is read like any other server', async () => {
  const token = 'an-xsrf-token';
  const file = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251);
  const pages = createIncomingChannels('the page');
  const target = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;
  const listener = await listenWeb(target, (channel) => pages.add(channel), { path: '/vm/0/0', tokens: [token] });
  closers.push(() => listener.close());
  const page = offer(listener.url, token, file);
  const disk = await connect({ name: pages.name, open: (how) => pages.open(how) });
  closers.push(() => disk.close());
  expect(page.protocol).toBe(token);
  expect(disk.geometry.size).toBe(3_000_000n);
  expect(disk.abilities.readOnly).toBe(true);
  for (const [offset, length] of [
    [0, 512],
    [1000, 131_072],
    [2_000_000, 1_000_000],
  ] as const) {
    const bytes = await disk.readBytes(offset, length);
    expect(Buffer.compare(bytes, file.subarray(offset, offset + length))).toBe(0);
  }
  await disk.close();
  await expect.poll(() => page.readyState).toBe(WebSocket.CLOSED);
});
