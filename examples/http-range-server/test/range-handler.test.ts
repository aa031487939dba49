import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { Readable } from 'node:stream';
import { connect } from '@nbdjs/client';
import { createServer as createNbdServer } from '@nbdjs/server';
import { type BlockDevice, CommandError, createMemoryDevice, defineDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import { afterEach, expect, it } from 'vitest';
import { createRangeHandler, type RangeHandlerOptions } from '../range-handler.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const size = 100_000;
const content = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 0xff));

async function contentDevice(): Promise<BlockDevice> {
  const device = createMemoryDevice({ size });
  await device.write(0, content);
  return device;
}

async function start(device: BlockDevice, options?: RangeHandlerOptions) {
  const server = createNbdServer({ exports: { disk: device } });
  cleanUps.push(() => server.destroy());
  const disk = await connect({
    open: () => {
      const [ours, theirs] = createMemoryPair();
      void server.accept(theirs);
      return ours;
    },
  });
  cleanUps.push(() => disk.destroy());
  const web = createServer(createRangeHandler(disk, options)).listen(0, '127.0.0.1');
  await once(web, 'listening');
  cleanUps.push(() => {
    web.closeAllConnections();
    web.close();
  });
  const { port } = web.address() as AddressInfo;
  const ask = async (headers: Record<string, string> = {}, method = 'GET') => {
    const request = httpRequest({ host: '127.0.0.1', port, method, headers, agent: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  };
  return { ask, port, disk };
}

it('answers without a range with everything, and HEAD with the headers alone', async () => {
  const { ask } = await start(await contentDevice(), { contentType: 'video/mp4' });
  const whole = await ask();
  expect(whole.status).toBe(200);
  expect(whole.body.equals(content)).toBe(true);
  expect(whole.headers).toMatchObject({
    'accept-ranges': 'bytes',
    'content-length': '100000',
    'content-type': 'video/mp4',
  });
  const head = await ask({ range: 'bytes=0-1' }, 'HEAD');
  expect([head.status, head.headers['content-length'], head.headers.etag, head.body.length]).toEqual([
    200,
    '100000',
    whole.headers.etag,
    0,
  ]);
});

it.each([
  ['bytes=0-0', 0, 1],
  ['bytes=10-99', 10, 100],
  ['bytes=99999-', 99_999, size],
  ['bytes=-10', size - 10, size],
  ['bytes=50-1000000', 50, size],
  ['bytes=-1000000', 0, size],
])('answers %s with that part', async (range, from, to) => {
  const { ask } = await start(await contentDevice());
  const { status, headers, body } = await ask({ range });
  expect([status, headers['content-range']]).toEqual([206, `bytes ${from}-${to - 1}/${size}`]);
  expect(Number(headers['content-length'])).toBe(to - from);
  expect(body.equals(content.subarray(from, to))).toBe(true);
});

it('answers several ranges as parts, with the length that it has announced', async () => {
  const { ask } = await start(await contentDevice());
  const { status, headers, body } = await ask({ range: 'bytes=0-9,500-509,-5' });
  expect(status).toBe(206);
  expect(Number(headers['content-length'])).toBe(body.length);
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers['content-type'] ?? '')?.[1];
  const parts = body.toString('latin1').split(`\r\n--${boundary}`);
  expect(parts.map((part) => part.split('\r\n\r\n')[0]?.trim().split('\r\n').at(-1))).toEqual([
    '',
    'content-range: bytes 0-9/100000',
    'content-range: bytes 500-509/100000',
    'content-range: bytes 99995-99999/100000',
    '--',
  ]);
  const second = parts[2]?.split('\r\n\r\n')[1] ?? '';
  expect(Buffer.from(second, 'latin1').equals(content.subarray(500, 510))).toBe(true);
});

it('puts ranges together that touch, and refuses too many', async () => {
  const { ask } = await start(await contentDevice(), { rangesMax: 2 });
  expect((await ask({ range: 'bytes=0-9,5-19,20-29' })).headers['content-range']).toBe('bytes 0-29/100000');
  expect((await ask({ range: 'bytes=0-9,20-29' })).status).toBe(206);
  expect((await ask({ range: 'bytes=0-9,20-29,40-49' })).status).toBe(416);
});

it.each([
  ['bytes=100000-', 416],
  ['bytes=5-1', 416],
  ['bytes=x', 416],
  ['nonsense', 200],
  ['lines=0-9', 200],
])('answers %s with %i', async (range, status) => {
  const { ask } = await start(await contentDevice());
  const answer = await ask({ range });
  expect(answer.status).toBe(status);
  if (status === 416) expect(answer.headers['content-range']).toBe('bytes */100000');
});

it('goes by the tag, which a change of the content changes', async () => {
  let version = 1;
  const { ask } = await start(await contentDevice(), { etag: () => `"v${version}"` });
  const range = 'bytes=0-9';
  expect((await ask({ range, 'if-range': '"v1"' })).status).toBe(206);
  expect((await ask({ 'if-none-match': '"v0", W/"v1"' })).status).toBe(304);
  expect((await ask({ range, 'if-match': '"v1"' })).status).toBe(206);
  version = 2;
  expect((await ask({ range, 'if-range': '"v1"' })).status).toBe(200);
  expect((await ask({ 'if-none-match': '"v1"' })).status).toBe(200);
  expect((await ask({ range, 'if-match': '"v1"' })).status).toBe(412);
});

it('refuses other methods, and has an empty export', async () => {
  const { ask } = await start(createMemoryDevice({ size: 0 }));
  expect((await ask({}, 'DELETE')).headers.allow).toBe('GET, HEAD');
  const empty = await ask();
  expect([empty.status, empty.headers['content-length'], empty.body.length]).toEqual([200, '0', 0]);
  expect((await ask({ range: 'bytes=0-' })).status).toBe(416);
});

it('a device that fails is a 502 at the start, and a cut connection later', async () => {
  let limit = 0;
  const read = (offset: number): void => {
    if (offset >= limit) throw new CommandError('EIO', 'the disk is broken');
  };
  const { ask } = await start(defineDevice({ size: 8 * 2 ** 20, read }));
  const failed = await ask();
  expect([failed.status, failed.body.toString()]).toEqual([502, expect.stringContaining('the disk is broken')]);
  limit = 4 * 2 ** 20;
  await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('reads no further than a client takes, and stops when it goes away', async () => {
  let readBytes = 0;
  const total = 2 ** 30;
  const { port, disk } = await start(
    defineDevice({
      size: total,
      read(_, target) {
        readBytes += target.length;
      },
    }),
  );
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
  // The kernel and both sides hold some MiB; then nothing more is read.
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = readBytes > 0 && readBytes === before;
        before = readBytes;
        return isStill;
      },
      { interval: 200 },
    )
    .toBe(true);
  expect(readBytes).toBeLessThan(64 * 2 ** 20);
  socket.destroy();
  const atEnd = readBytes;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(readBytes - atEnd).toBeLessThanOrEqual(4 * 2 ** 20);
  // The client of NBD is as it was.
  expect(await disk.readBytes(0, 4)).toHaveLength(4);
});

it('aborts a read that hangs when the client goes away', async () => {
  let reads = 0;
  const aborted: unknown[] = [];
  const { port, disk } = await start(createMemoryDevice({ size: 2 ** 20 }));
  // As if the server did not answer.
  disk.createReadStream = ({ signal } = {}) => {
    reads++;
    return new Readable({ signal, read() {} }).on('error', (error) => aborted.push(error.cause));
  };
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
  await expect.poll(() => reads).toBe(1);
  socket.destroy();
  await expect.poll(() => aborted).toEqual([new Error('the HTTP client has gone away')]);
});
