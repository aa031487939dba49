/** One test for each mistake about the handshake and TLS that other servers had to tell the world about. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connect } from '@nbdjs/client';
import {
  Command,
  encodeAckReply,
  encodeClientFlags,
  encodeOption,
  encodeOptionRequest,
  Option,
  OptionReply,
  TransmissionFlag,
  writeRequest,
} from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { type Listener, listen, serverTls } from '@nbdjs/transport';
import { afterAll, afterEach, expect, it } from 'vitest';
import { createServer, type Server, type ServerOptions } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
const path = join(folder, 'socket');
const uri = `nbd+unix:///disk?socket=${path}`;
const key = new Uint8Array(32).fill(7);
const psk = { user: 'alice', key };

let server: Server;
let listener: Listener;

async function serve(options: Partial<ServerOptions> & Pick<ServerOptions, 'exports'>): Promise<void> {
  server = createServer({ tls: serverTls({ psk: { keys: { alice: key } } }), ...options });
  listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
}

afterEach(async () => {
  await listener.close();
  await server.destroy();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Hears until enough has come. */
async function hear(socket: Socket | TLSSocket, isEnough: (bytes: Buffer) => boolean): Promise<Buffer> {
  let heard = Buffer.alloc(0);
  while (!isEnough(heard)) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    heard = Buffer.concat([heard, bytes]);
  }
  return heard;
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

/** A client that says all this at once, whatever the server answers. */
function dial(...words: readonly Uint8Array[]): Socket {
  const socket = connectSocket(path);
  socket.on('error', () => {});
  socket.write(Buffer.concat([encodeClientFlags(3), ...words]));
  return socket;
}

const options = {
  structured: encodeOption(Option.StructuredReply),
  extended: encodeOption(Option.ExtendedHeaders),
  list: encodeOption(Option.List),
  info: encodeOptionRequest({ option: Option.Info, exportName: 'disk', infoTypes: [] }),
  go: encodeOptionRequest({ option: Option.Go, exportName: 'disk', infoTypes: [] }),
  contexts: encodeOptionRequest({ option: Option.SetMetaContext, exportName: 'disk', queries: ['base:allocation'] }),
  startTls: encodeOption(Option.StartTls),
  exportName: encodeOptionRequest({ option: Option.ExportName, exportName: 'disk' }),
  nonsense: encodeOption(0x7777),
  /** What belongs to transmission. */
  read: readRequest(),
};
const abort = encodeOption(Option.Abort);

function readRequest(): Buffer {
  const request = Buffer.alloc(28);
  writeRequest(new DataView(request.buffer, request.byteOffset), 0, 0, Command.Read, 0, 1, 0, 0, 512);
  return request;
}

it('nbdkit CVE-2019-14850: nothing is opened, nor listed, before TLS', async () => {
  const calls: string[] = [];
  const device = createMemoryDevice({ size: 4096 });
  const exports = {
    open: (name: string) => {
      calls.push(`open ${name}`);
      return { device };
    },
    list: () => {
      calls.push('list');
      return [];
    },
  };
  await serve({ exports });
  const { list, info, go, contexts, exportName } = options;
  for (const words of [[], [list, info, contexts, go, abort], [exportName], [contexts, exportName]]) {
    const socket = dial(...words).resume();
    if (words.length === 0) socket.end();
    await closeOf(socket);
  }
  expect(calls).toEqual([]);
  await using client = await connect(uri, { delivery: 'inline', tls: { psk } });
  expect(client.facts.tls).toBe(true);
  expect(new Set(calls)).toEqual(new Set(['open disk']));
});

it('nbdkit CVE-2019-14851: options and commands in any order do no harm', async () => {
  await serve({
    exports: { disk: createMemoryDevice({ size: 4096 }) },
    tls: serverTls({ mode: 'allow', psk: { keys: { alice: key } } }),
  });
  const random = seededRandom(14851);
  const all = Object.values(options);
  for (let round = 0; round < 100; round++) {
    const words = Array.from({ length: 1 + Math.floor(random() * 8) }, () => all[Math.floor(random() * all.length)]);
    const socket = dial(...words.filter((word) => word !== undefined)).resume();
    socket.end();
    await closeOf(socket);
  }
  await expect.poll(() => server.sessions.length).toBe(0);
  for (const tls of [undefined, { psk }]) {
    await using client = await connect(uri, { delivery: 'inline', tls });
    expect(await client.readBytes(0, 4)).toEqual(new Uint8Array(4));
  }
});

it('nbdkit CVE-2021-3716: what was agreed on in clear text, by whomever, is void in TLS', async () => {
  await serve({
    exports: { disk: createMemoryDevice({ size: 4096 }) },
    tls: serverTls({ mode: 'allow', psk: { keys: { alice: key } } }),
  });
  const replyBytes = 20;
  const contextBytes = 4 + 'base:allocation'.length;
  const socket = dial(options.structured, options.contexts, options.startTls);
  const before = await hear(socket, ({ length }) => length >= 18 + 4 * replyBytes + contextBytes);
  expect(before.readUInt32BE(before.length - 8)).toBe(OptionReply.Ack);

  const secured = connectTls({
    socket,
    ciphers: 'TLS_AES_128_GCM_SHA256',
    pskCallback: () => ({ psk: key, identity: 'alice' }),
    checkServerIdentity: () => undefined,
  });
  const consent = Buffer.from(encodeAckReply(Option.Go));
  secured.write(options.go);
  const replies = await hear(secured, (bytes) => bytes.subarray(-replyBytes).equals(consent));
  // NBD_INFO_EXPORT comes first: its number, the size, and the flags.
  const flags = replies.readUInt16BE(replyBytes + 2 + 8);
  expect(flags & TransmissionFlag.HasFlags).not.toBe(0);
  expect(flags & TransmissionFlag.SendDf).toBe(0);
  secured.write(options.read);
  const simpleReplyMagic = 0x67446698;
  const reply = await hear(secured, ({ length }) => length >= 16 + 512);
  expect([reply.readUInt32BE(0), reply.length]).toEqual([simpleReplyMagic, 16 + 512]);
  secured.destroy();
});
