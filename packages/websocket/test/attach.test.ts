import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ByteChannel } from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { attachWeb, openWeb } from '../src/node/index.ts';
import { echo, webServer } from './echo.testing.ts';
import { opcode, RawClient } from './raw-client.testing.ts';

const token = 'correct-horse-battery';

/** Sends bytes and returns what comes back, as many. */
async function roundTrip(channel: ByteChannel, text = 'hello'): Promise<string> {
  const memory = new Uint8Array(text.length);
  let position = 0;
  const came = new Promise<void>((resolve, reject) => {
    channel.open({
      writable: () => (position < memory.length ? memory.subarray(position) : new Uint8Array(1)),
      advance(byteCount) {
        position += byteCount;
        if (position === memory.length) {
          resolve();
          channel.pause(true);
        }
      },
      drained() {},
      ended: (cause) => reject(cause ?? new Error('ended')),
    });
  });
  channel.send([Buffer.from(text)]);
  await came;
  return Buffer.from(memory).toString();
}

describe.each(['ws', 'http'])('a client by %s', (scheme) => {
  it('becomes a channel, and one of several at a time', async () => {
    await using server = await webServer();
    const url = `${scheme}://127.0.0.1:${server.port}/`;
    const channels = await Promise.all(Array.from({ length: 200 }, () => openWeb(url)));
    const answers = await Promise.all(channels.map((channel, index) => roundTrip(channel, `number ${index}`)));
    expect(answers).toEqual(channels.map((_, index) => `number ${index}`));
    for (const channel of channels) channel.destroy();
    await Promise.all([...channels, ...server.channels].map((channel) => channel.closed));
  });

  it('describes its peer, without secrets', async () => {
    await using server = await webServer({ tokens: [token] });
    const channel = await openWeb(`${scheme}://user@127.0.0.1:${server.port}/?access_token=${token}`);
    const transport = scheme === 'ws' ? 'websocket' : 'http-upgrade';
    expect(channel.peer).toEqual({ name: `${scheme}://127.0.0.1:${server.port}/`, transport, tls: false });
    expect(server.channels[0]?.peer).toMatchObject({ transport, tls: false, address: '127.0.0.1' });
    channel.destroy();
  });

  it.each<[string, object, number]>([
    ['a wrong path', { path: '/elsewhere' }, 404],
    ['no token', { tokens: [token] }, 401],
    ['a page of a stranger', { headers: { Origin: 'https://example.org' } }, 403],
    ['a decision against it', { authorize: () => false }, 403],
    ['a decision that fails', { authorize: () => Promise.reject(new Error('database down')) }, 500],
    ['no room', { connectionsMax: 1 }, 503],
  ])('is refused: %s', async (_, { headers, ...options }: { headers?: Record<string, string> }, status) => {
    await using server = await webServer(options);
    const url = `${scheme}://127.0.0.1:${server.port}/`;
    const first = status === 503 ? await openWeb(url) : undefined;
    const error = await openWeb(url, { headers }).catch((reason) => reason);
    expect(error).toMatchObject({
      name: 'ConnectError',
      permanent: status < 500,
      message: expect.stringContaining(`HTTP ${status}`),
    });
    expect(error.message).not.toContain('database');
    expect(server.channels).toHaveLength(first === undefined ? 0 : 1);
    first?.destroy();
  });

  it.each([
    ['as Authorization', '/', { token }],
    ['in the query', `/?access_token=${token}`, {}],
  ])('has a token %s', async (_, path, options) => {
    await using server = await webServer({ tokens: ['another', token] });
    const channel = await openWeb(`${scheme}://127.0.0.1:${server.port}${path}`, options);
    expect(await roundTrip(channel)).toBe('hello');
    channel.destroy();
    const wrong = openWeb(`${scheme}://127.0.0.1:${server.port}/`, { token: `${token}x` });
    await expect(wrong).rejects.toThrow('HTTP 401');
  });

  it('is refused when a decision takes too long, and when too many wait for one', async () => {
    const clock = new VirtualClock();
    const waiting: (() => void)[] = [];
    const authorize = (): Promise<boolean> => new Promise((resolve) => waiting.push(() => resolve(true)));
    await using server = await webServer({ clock, authorize, authorizeMs: 500, pendingMax: 1 });
    const url = `${scheme}://127.0.0.1:${server.port}/`;
    const first = openWeb(url).catch((error) => error);
    await expect.poll(() => waiting.length).toBe(1);
    await expect(openWeb(url)).rejects.toThrow('too many clients wait');
    await clock.advance(501);
    expect(await first).toMatchObject({ message: expect.stringContaining('took too long') });
    waiting[0]?.();
    expect(server.channels).toHaveLength(0);
  });

  it('is given up by a signal and by the limit of time', async () => {
    const silent = createServer();
    silent.on('upgrade', () => {});
    silent.on('request', () => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `${scheme}://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const reason = new Error('enough');
    const abort = new AbortController();
    const attempt = openWeb(url, { signal: abort.signal });
    setTimeout(() => abort.abort(reason), 20);
    await expect(attempt).rejects.toBe(reason);
    await expect(openWeb(url, { connectTimeoutMs: 30 })).rejects.toMatchObject({
      name: 'TimeoutError',
      phase: 'connect',
    });
    await expect(openWeb(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    silent.closeAllConnections();
    silent.close();
  });

  it.each([
    ['a host without a server', '127.0.0.1:1', { code: 'ERR_NBD_REFUSED' }],
    ['a name without a host', 'nowhere.invalid', { code: 'ERR_NBD_HOST_NOT_FOUND' }],
  ])('reports %s', async (_, host, expected) => {
    await expect(openWeb(`${scheme}://${host}/`)).rejects.toMatchObject(expected);
  });

  it('reports a server that does not upgrade, with the beginning of its answer', async () => {
    const http = createServer((_, response) => {
      response.statusCode = 302;
      response.setHeader('Location', 'https://example.org/login');
      response.end(`<h1>\u001b[31mLog in</h1>${'x'.repeat(100_000)}`);
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const error = await openWeb(`${scheme}://127.0.0.1:${(http.address() as AddressInfo).port}/`).catch(
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'ConnectError', permanent: true });
    expect(error.message).toMatch(/HTTP 302 Found to https:\/\/example.org\/login: <h1> \[31mLog in<\/h1>x{100}/);
    expect(error.message.length).toBeLessThan(400);
    http.closeAllConnections();
    http.close();
  });
});

describe('pages', () => {
  const origin = (host: string, more: object = {}) => ({ Host: host, Origin: `http://${host}`, ...more });

  it.each<[string, Record<string, string>, string[], boolean]>([
    ['of the server, by address', origin('127.0.0.1:80'), [], true],
    ['of the server, by IPv6 address', origin('[::1]:80'), [], true],
    ['of the server, as localhost', origin('localhost:80'), [], true],
    // Its owner may have the name lead to us.
    ['of the server, by a name', origin('rebound.example:80'), [], false],
    ['of another port', { Host: 'localhost:80', Origin: 'http://localhost:81' }, [], false],
    ['of another site', { Host: 'localhost', Origin: 'https://example.org' }, [], false],
    ['of a site that is allowed', { Host: 'localhost', Origin: 'https://example.org' }, ['https://example.org'], true],
    [
      'of a site that begins like one',
      { Host: 'localhost', Origin: 'https://example.org.evil.net' },
      ['https://example.org'],
      false,
    ],
    ['of any site', { Host: 'localhost', Origin: 'https://example.org' }, ['*'], true],
    ['without an origin of their own', { Host: 'localhost', Origin: 'null' }, [], false],
    ['with a malformed origin', { Host: 'localhost', Origin: 'http://' }, [], false],
  ])('%s', async (_, headers, origins, isAllowed) => {
    await using server = await webServer({ origins });
    await using client = await RawClient.connect(server.port, headers);
    expect(client.status).toBe(isAllowed ? 101 : 403);
  });

  it('give a token as a subprotocol, and get one back', async () => {
    await using server = await webServer({ tokens: [token] });
    const answers = [[token], ['nbd', token], [token, 'other'], ['binary', 'nbd', token]];
    for (const [index, protocols] of answers.entries()) {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, protocols);
      await once(socket, 'open');
      expect(socket.protocol).toBe([token, 'nbd', token, 'binary'][index]);
      socket.terminate();
    }
    await using client = await RawClient.connect(server.port, { 'Sec-WebSocket-Protocol': 'nbd, wrong' });
    expect(client.status).toBe(401);
  });
});

describe('a server of others', () => {
  it('serves requests besides, and several paths', async () => {
    const http = createServer((_, response) => response.end('hello'));
    const took: string[] = [];
    const attach = (path: string) =>
      attachWeb(http, { path }, (channel, { path: asked, kind }) => {
        took.push(`${path} ${asked} ${kind}`);
        echo(channel);
      });
    const attachments = [attach('/one'), attach('/disks/*')];
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const base = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    const channels = [await openWeb(`ws://${base}/one`), await openWeb(`http://${base}/disks/a%20b?x=1`)];
    for (const channel of channels) expect(await roundTrip(channel)).toBe('hello');
    expect(took).toEqual(['/one /one websocket', '/disks/* /disks/a%20b upgrade']);
    await expect(openWeb(`ws://${base}/two`)).rejects.toThrow('HTTP 404');
    const answer = await fetch(`http://${base}/one`);
    expect(await answer.text()).toBe('hello');
    expect(attachments.map(({ connections }) => connections)).toEqual([1, 1]);
    for (const attachment of attachments) attachment.close();
    expect(http.listenerCount('upgrade')).toBe(0);
    for (const channel of channels) channel.destroy();
    http.closeAllConnections();
    http.close();
  });

  it('leaves paths that it does not know to others', async () => {
    const http = createServer();
    http.on('upgrade', (request, socket) => {
      if (request.url === '/chat') socket.end('HTTP/1.1 418 Teapot\r\n\r\n');
    });
    const attachment = attachWeb(http, { path: '/nbd' }, echo);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    await using client = await RawClient.connect((http.address() as AddressInfo).port, {}, '/chat');
    expect(client.status).toBe(418);
    attachment.close();
    http.close();
  });

  it.each<[string, Record<string, string>, number]>([
    ['another protocol', { Upgrade: 'h2c' }, 426],
    ['a body with the upgrade', { Upgrade: 'nbd', 'Content-Length': '5' }, 413],
    ['an old version of WebSocket', { 'Sec-WebSocket-Version': '7' }, 426],
    ['a malformed key', { 'Sec-WebSocket-Key': 'short' }, 400],
  ])('refuses %s', async (_, headers, status) => {
    await using server = await webServer();
    await using client = await RawClient.connect(server.port, headers);
    expect(client.status).toBe(status);
    await client.until(() => client.socket.destroyed);
  });

  it('says how to connect to requests that do not upgrade, if it has nothing else', async () => {
    await using server = await webServer({ kinds: ['websocket'] });
    await expect(openWeb(`http://127.0.0.1:${server.port}/`)).rejects.toThrow('expected Upgrade: websocket');
  });

  it.each<[object, RegExp]>([
    [{ path: 'nbd' }, /path is 'nbd', expected one that begins with \//],
    [{ origins: ['example.org'] }, /origins has "example.org"/],
    [{ tokens: [''] }, /a token is empty/],
    [{ tokens: ['a b'] }, /characters other than/],
    [{ kinds: [] }, /kinds is ''/],
    [{ kinds: ['ws'] }, /kinds is 'ws'/],
    [{ orgins: [] }, /did you mean 'origins'/],
  ])('is not made of %s', (options, message) => {
    expect(() => attachWeb(createServer(), options as object, echo)).toThrow(message);
  });
});

describe('a silent peer', () => {
  it('is asked whether it lives, and counts as gone when it does not answer', async () => {
    const clock = new VirtualClock();
    await using server = await webServer({ clock, pingMs: 1000, silenceMs: 3000 });
    await using client = await RawClient.connect(server.port);
    const pings = () => client.frames.filter((one) => one.opcode === opcode.ping).length;
    for (let round = 1; round <= 5; round++) {
      await clock.advance(1000);
      await client.until(() => pings() === round);
      client.send({ opcode: opcode.pong });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await clock.advance(1000);
    await clock.advance(1000);
    await clock.advance(1000);
    await clock.advance(1000);
    expect(await server.channels[0]?.closed).toMatchObject({
      by: 'error',
      cause: { name: 'TimeoutError', phase: 'silence', message: expect.stringContaining('3000 ms') },
    });
  });

  it('is not blamed while its bytes are left with the system', async () => {
    const clock = new VirtualClock();
    await using server = await webServer({ clock, pingMs: 1000, silenceMs: 3000 }, (channel) => {
      channel.open({ writable: () => new Uint8Array(9), advance() {}, drained() {}, ended() {} });
      channel.pause(true);
    });
    await using client = await RawClient.connect(server.port);
    for (let round = 0; round < 10; round++) await clock.advance(1000);
    const state = await Promise.race([server.channels[0]?.closed, new Promise((resolve) => setTimeout(resolve, 30))]);
    expect(state).toBeUndefined();
    expect(client.closeCode).toBeUndefined();
  });
});

it('answers a plain request with what it serves', async () => {
  await using server = await webServer();
  server.http.on('request', (_, response) => response.end('plain'));
  const body = await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: server.port }, (response) =>
      response.on('data', (bytes) => resolve(String(bytes))),
    )
      .on('error', reject)
      .end();
  });
  expect(body).toBe('plain');
});
