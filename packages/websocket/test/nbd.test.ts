/** NBD over these channels: clients and servers of ours, behind servers of HTTP that are used for other things as well. */
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '@nbdjs/certificates';
import { connect } from '@nbdjs/client';
import type { ByteChannel } from '@nbdjs/interfaces';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import express from 'express';
import fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createIncomingChannels, type WebSocketConstructor, webSocketOpener } from '../src/index.ts';
import { attachWeb, listenWeb, openWeb, webOpener } from '../src/node/index.ts';

const mebi = 2 ** 20;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const randomBytes = (length: number): Uint8Array => {
  const random = seededRandom(11);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
};

function nbdServer(size = 64 * mebi): Server {
  const server = createServer({ exports: { disk: createMemoryDevice({ size }) }, limits: { closeMs: 500 } });
  closers.push(() => server.close());
  return server;
}

async function listening(nbd = nbdServer(), options = {}) {
  const accept = (channel: ByteChannel): void => void nbd.accept(channel);
  const listener = await listenWeb({ type: 'tcp', host: '127.0.0.1', port: 0 }, accept, options);
  closers.push(() => listener.close());
  return { nbd, listener, ws: listener.url, http: listener.url.replace('ws', 'http') };
}

const pageSocket = { WebSocket: WebSocket as unknown as WebSocketConstructor };

describe.each([
  ['a WebSocket of Node', (urls: { ws: string }) => webOpener(urls.ws)],
  ['a WebSocket as in pages', (urls: { ws: string }) => webSocketOpener(urls.ws, pageSocket)],
  ['HTTP Upgrade', (urls: { http: string }) => webOpener(urls.http)],
])('over %s', (_, opener) => {
  it('a client writes and reads, short and long', async () => {
    const disk = await connect({ ...opener(await listening()), exportName: 'disk' });
    closers.push(() => disk.close());
    for (const [offset, length] of [
      [0, 1],
      [1, 511],
      [4096, 300_000],
      [mebi, 32 * mebi],
    ] as const) {
      const bytes = randomBytes(length);
      await disk.write(offset, bytes);
      expect(Buffer.compare(await disk.readBytes(offset, length), bytes)).toBe(0);
    }
    await disk.flush();
  });

  it('many requests are under way at a time, on several connections', async () => {
    const { ws, http } = await listening();
    const disk = await connect({ ...opener({ ws, http }), exportName: 'disk' }, { connections: 4 });
    closers.push(() => disk.close());
    const bytes = randomBytes(4096);
    await Promise.all(Array.from({ length: 2000 }, (__, index) => disk.write(index * 4096, bytes)));
    const all = await Promise.all(Array.from({ length: 2000 }, (__, index) => disk.readBytes(index * 4096, 4096)));
    expect(all.every((one) => Buffer.compare(one, bytes) === 0)).toBe(true);
  });

  it('a client survives the loss of its connection', async () => {
    const channels: ByteChannel[] = [];
    const nbd = nbdServer();
    const listener = await listenWeb({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => {
      channels.push(channel);
      void nbd.accept(channel);
    });
    closers.push(() => listener.close());
    const urls = { ws: listener.url, http: listener.url.replace('ws', 'http') };
    const disk = await connect({ ...opener(urls), exportName: 'disk' }, { reconnectDelayMs: 10_000 });
    closers.push(() => disk.close());
    const bytes = randomBytes(100_000);
    const writes = Array.from({ length: 100 }, (__, index) => disk.write(index * 100_000, bytes));
    channels[0]?.destroy(new Error('cut'));
    await Promise.all(writes);
    for (let index = 0; index < 100; index++) {
      expect(Buffer.compare(await disk.readBytes(index * 100_000, 100_000), bytes)).toBe(0);
    }
    expect(channels.length).toBeGreaterThan(1);
  });

  it('200 clients are served at once', async () => {
    const urls = await listening();
    const disks = await Promise.all(
      Array.from({ length: 200 }, () => connect({ ...opener(urls), exportName: 'disk' }, { delivery: 'inline' })),
    );
    await Promise.all(disks.map((disk, index) => disk.write(index * 4096, new Uint8Array(4096).fill(index))));
    const read = await Promise.all(disks.map((disk, index) => disk.readBytes(index * 4096, 4096)));
    expect(read.every((bytes, index) => bytes.every((byte) => byte === index))).toBe(true);
    await Promise.all(disks.map((disk) => disk.close()));
    await expect.poll(() => urls.nbd.sessions.length).toBe(0);
  });
});

describe('servers of HTTP', () => {
  const read = async (target: Parameters<typeof connect>[0]): Promise<Uint8Array> => {
    const disk = await connect(target);
    try {
      return await disk.readBytes(0, 512);
    } finally {
      await disk.close();
    }
  };

  it('are those of express', async () => {
    const nbd = nbdServer();
    const app = express();
    app.get('/', (_, response) => void response.send('a page'));
    const http = createHttpServer(app);
    attachWeb(http, { path: '/nbd', tokens: ['secret'] }, (channel) => void nbd.accept(channel));
    await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
    closers.push(() => http.close());
    const base = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    expect(await (await fetch(`http://${base}/`)).text()).toBe('a page');
    const token = 'secret';
    expect(await read({ ...webOpener(`ws://${base}/nbd`, { token }), exportName: 'disk' })).toHaveLength(512);
    expect(await read({ ...webOpener(`http://${base}/nbd`, { token }), exportName: 'disk' })).toHaveLength(512);
    await expect(read(webOpener(`ws://${base}/nbd`))).rejects.toThrow('HTTP 401');
    http.closeAllConnections();
  });

  it('are those of fastify', async () => {
    const nbd = nbdServer();
    const app = fastify();
    app.get('/', async () => 'a page');
    attachWeb(app.server, { path: '/nbd/*' }, (channel) => void nbd.accept(channel));
    await app.listen({ port: 0, host: '127.0.0.1' });
    closers.push(() => app.close());
    const base = `127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    expect(await (await fetch(`http://${base}/`)).text()).toBe('a page');
    expect(await read({ ...webOpener(`ws://${base}/nbd/one`), exportName: 'disk' })).toHaveLength(512);
    expect(await read({ ...webOpener(`http://${base}/nbd/two`), exportName: 'disk' })).toHaveLength(512);
  });

  it('answer requests for anything else, and refuse an address that is taken', async () => {
    const { listener, http } = await listening();
    const answer = await fetch(http);
    expect(answer.status).toBe(426);
    expect(await answer.text()).toContain('WebSocket');
    const { port } = listener.address;
    await expect(listenWeb({ type: 'tcp', host: '127.0.0.1', port }, () => {})).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: address already in use`,
    );
  });
});

describe('a server that connects to its client', () => {
  const provide = async (url: string, size = mebi): Promise<ByteChannel> => {
    const server = createServer({ exports: { file: createMemoryDevice({ size }) }, limits: { closeMs: 100 } });
    closers.push(() => server.close());
    const channel = await openWeb(url);
    void server.accept(channel);
    return channel;
  };

  it('is waited for, at first and when it is gone', async () => {
    const pages = createIncomingChannels('the page');
    const listener = await listenWeb({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => pages.add(channel));
    closers.push(() => listener.close());
    const opening = connect(
      { name: pages.name, open: (how) => pages.open(how), exportName: 'file' },
      { reconnectDelayMs: 10_000 },
    );
    const first = await provide(listener.url);
    const disk = await opening;
    closers.push(() => disk.close());
    expect(await disk.readBytes(0, 10)).toHaveLength(10);
    first.destroy();
    await first.closed;
    const reading = disk.readBytes(0, 20);
    await provide(listener.url);
    expect(await reading).toHaveLength(20);
    // The connection before may not be known to be dead.
    await provide(listener.url);
    expect(await disk.readBytes(0, 30)).toHaveLength(30);
  });

  it('is waited for no longer than its caller wants', async () => {
    const pages = createIncomingChannels('the page');
    const reason = new Error('enough');
    const abort = new AbortController();
    const opening = pages.open({ signal: abort.signal });
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
    const other = pages.open({ signal: new AbortController().signal });
    pages.close();
    await expect(other).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    const late = { destroyed: false, closed: Promise.resolve(), destroy: () => (late.destroyed = true) };
    pages.add(late as unknown as ByteChannel);
    expect(late.destroyed).toBe(true);
  });
});

describe('over TLS', () => {
  it.each(['wss', 'https'])('a client reads and writes by %s', async (scheme) => {
    const authority = await createAuthority();
    const { certificate: cert, key } = await authority.issueServer({ hosts: ['127.0.0.1'] });
    const { listener } = await listening(nbdServer(), { tls: { cert, key } });
    const url = listener.url.replace('wss', scheme);
    const disk = await connect({ ...webOpener(url, { tls: { ca: authority.certificate } }), exportName: 'disk' });
    closers.push(() => disk.close());
    const bytes = randomBytes(mebi);
    await disk.write(1000, bytes);
    expect(Buffer.compare(await disk.readBytes(1000, mebi), bytes)).toBe(0);
    await expect(connect(webOpener(url))).rejects.toMatchObject({ code: 'ERR_NBD_TLS', permanent: true });
  });
});
