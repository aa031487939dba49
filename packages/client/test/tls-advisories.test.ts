/** One test for each mistake about TLS that other clients had to tell the world about. */
import { createServer as createSocketServer, type Socket, type Server as SocketServer } from 'node:net';
import { createAuthority } from '@nbdjs/certificates';
import { encodeAckReply, encodeErrorReply, encodeGreeting, encodeOption, Option, OptionReply } from '@nbdjs/protocol';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { type Listener, listen, serverTls } from '@nbdjs/transport';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectOptions, type ConnectTls, connect, type NbdClient } from '../src/index.ts';

/** What is decrypted cannot be handed over. */
const deliveries = ['inline', 'kept'] as const;

describe.each(deliveries)('libnbd CVE-2019-14842: who requires TLS is not talked into clear text, %s', (delivery) => {
  const clientFlagsBytes = 4;
  const tlsHandshakeRecord = 0x16;
  const greeting = encodeGreeting({ style: 'newstyle', handshakeFlags: 3 });
  let server: SocketServer;
  let heard = Buffer.alloc(0);
  const sockets = new Set<Socket>();

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Greets, answers whatever comes with these words, and listens. */
  async function say(first: Uint8Array, answer: Uint8Array): Promise<string> {
    heard = Buffer.alloc(0);
    server = createSocketServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        const isFirst = heard.length < clientFlagsBytes + 1;
        heard = Buffer.concat([heard, bytes]);
        if (isFirst && heard.length > clientFlagsBytes) socket.write(answer);
      });
      socket.write(first);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return `nbds://127.0.0.1:${address.port}/secret`;
  }

  it.each([
    ['does not know TLS', encodeErrorReply(Option.StartTls, OptionReply.ErrUnsupported)],
    ['does not want TLS', encodeErrorReply(Option.StartTls, OptionReply.ErrPolicy)],
    ['has no TLS', encodeErrorReply(Option.StartTls, OptionReply.ErrPlatform)],
    ['finds the wish invalid', encodeErrorReply(Option.StartTls, OptionReply.ErrInvalid)],
    ['says something unheard of', encodeErrorReply(Option.StartTls, 0x8000_7777)],
    ['agrees, and goes on in clear text', Buffer.concat([encodeAckReply(Option.StartTls), encodeAckReply(Option.Go)])],
    ['answers another question', encodeAckReply(Option.StructuredReply)],
  ])('by a server that %s', async (_, answer) => {
    const uri = await say(greeting, answer);
    await expect(connect(uri, { delivery, handshakeTimeoutMs: 3000 })).rejects.toThrow(/STARTTLS|TLS/);
    // Behind the flags there is the wish for TLS, and at most a farewell, or a TLS handshake that comes to nothing.
    const words = heard.subarray(clientFlagsBytes);
    const [wish, rest] = [words.subarray(0, 16), words.subarray(16)];
    expect(wish).toEqual(Buffer.from(encodeOption(Option.StartTls)));
    const isHandshake = rest[0] === tlsHandshakeRecord;
    expect(isHandshake || rest.length === 0 || rest.equals(encodeOption(Option.Abort))).toBe(true);
    expect(heard.includes('secret')).toBe(false);
  });

  it.each([
    ['oldstyle', encodeGreeting({ style: 'oldstyle', size: 512n, handshakeFlags: 0, transmissionFlags: 1 })],
    ['the plain newstyle', encodeGreeting({ style: 'newstyle', handshakeFlags: 0 })],
  ])('by a server of %s', async (_, first) => {
    const uri = await say(first, new Uint8Array(0));
    await expect(connect(uri, { delivery })).rejects.toMatchObject({ code: 'ERR_NBD_TLS_REFUSED' });
    expect(heard.includes('secret')).toBe(false);
  });
});

describe('libnbd CVE-2024-7383: the certificate and its name are checked, whichever way TLS came about', () => {
  let server: Server;
  let listener: Listener;
  let port = 0;
  let ca = '';
  let strangersCa = '';
  const opened: NbdClient[] = [];

  beforeAll(async () => {
    const authority = await createAuthority();
    const { certificate: cert, key } = await authority.issueServer({ hosts: ['right.example'] });
    ca = authority.certificate;
    strangersCa = (await createAuthority()).certificate;
    server = createServer({
      exports: { '': createMemoryDevice({ size: 4096 }) },
      tls: serverTls({ mode: 'allow', certificates: { cert, key } }),
    });
    listener = await listen({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => void server.accept(channel));
    port = listener.address.type === 'tcp' ? listener.address.port : 0;
  });
  afterEach(async () => {
    for (const client of opened.splice(0)) await client.close();
  });
  afterAll(async () => {
    await listener.close();
    await server.destroy();
  });

  const ways: readonly [string, string, ConnectTls][] = [
    ['the scheme', 'nbds', {}],
    ['mode require', 'nbd', { mode: 'require' }],
    // Clear text is allowed, but TLS with another server is not.
    ['mode allow', 'nbd', { mode: 'allow' }],
  ];

  for (const delivery of deliveries) {
    it.each(ways)(`by %s, ${delivery}`, async (_, scheme, tls) => {
      const open = async (parameters: string, more: ConnectTls): Promise<NbdClient> => {
        const options: ConnectOptions = { delivery, tls: { ...tls, certificates: { ca }, ...more } };
        const client = await connect(`${scheme}://127.0.0.1:${port}/${parameters}`, options);
        opened.push(client);
        return client;
      };
      // The URI's host is an address, and the certificate is for a name.
      await expect(open('', {})).rejects.toThrow(/certificate is for "right\.example", not for "127\.0\.0\.1"/);
      await expect(open('', { hostname: 'wrong.example' })).rejects.toThrow(/not for "wrong\.example"/);
      await expect(open('?tls-hostname=wrong.example', {})).rejects.toThrow(/not for "wrong\.example"/);
      await expect(open('', { hostname: '' })).rejects.toThrow(/certificate/);
      const untrusted = { certificates: { ca: strangersCa }, hostname: 'right.example' };
      await expect(open('', untrusted)).rejects.toThrow(/not signed by an authority that is trusted here/);
      expect((await open('', { hostname: 'right.example' })).facts.tls).toBe(true);
      expect((await open('?tls-hostname=right.example', {})).facts.tls).toBe(true);
      expect((await open('', { verifyPeer: false })).facts.tls).toBe(true);
    });
  }
});
