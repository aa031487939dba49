import { blockDeviceConformance } from '@nbdjs/conformance';
import { type BlockDevice, createOverlayLayer, defineDevice } from '@nbdjs/storage';
import { afterEach, describe, expect, it } from 'vitest';
import { createBlockCache } from '../block-cache.ts';
import { openHttpDevice } from '../http-device.ts';
import { WebServer } from './web-server.ts';

const size = 300_000;
const content = Buffer.from(Array.from({ length: size }, (_, index) => (index * 13) & 0xff));

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function webServer(bytes: Buffer = content): Promise<WebServer> {
  const web = await new WebServer(bytes).start();
  cleanUps.push(() => web.stop());
  return web;
}

async function read(device: BlockDevice, offset: number, length: number): Promise<Buffer> {
  const target = Buffer.alloc(length);
  await device.read(offset, target);
  return target;
}

blockDeviceConformance({ describe, it }, 'over HTTP', {
  // The suite writes, so changes go to memory.
  make: async (bytes) => createOverlayLayer(await openHttpDevice((await webServer(Buffer.alloc(bytes))).url)),
});

blockDeviceConformance({ describe, it }, 'over HTTP, with a cache', {
  async make(bytes) {
    const remote = await openHttpDevice((await webServer(Buffer.alloc(bytes))).url);
    return createOverlayLayer(createBlockCache(remote, { blockBytes: 8192, blocksMax: 4 }));
  },
});

it('reads what is asked for', async () => {
  const web = await webServer();
  const device = await openHttpDevice(web.url);
  expect([device.geometry.size, device.abilities.readOnly]).toEqual([BigInt(size), true]);
  expect((await read(device, 1000, 5000)).equals(content.subarray(1000, 6000))).toBe(true);
  expect((await read(device, size - 1, 1)).equals(content.subarray(-1))).toBe(true);
  expect(web.ranges).toEqual(['bytes=0-0', 'bytes=1000-5999', `bytes=${size - 1}-${size - 1}`]);
});

it('a file of no bytes is an empty device', async () => {
  const device = await openHttpDevice((await webServer(Buffer.alloc(0))).url);
  expect(device.geometry.size).toBe(0n);
});

it('refuses a server that knows no ranges, has no file, or does not identify it', async () => {
  const web = await webServer();
  web.instead = (_, response) => response.end(content);
  await expect(openHttpDevice(web.url)).rejects.toThrow('does not know ranges');
  web.instead = (_, response) => response.writeHead(404).end('not here');
  await expect(openHttpDevice(web.url)).rejects.toThrow('status 404');
  web.instead = undefined;
  web.etag = 'W/"1"';
  await expect(openHttpDevice(web.url)).rejects.toThrow('neither a strong ETag nor Last-Modified');
  await expect(openHttpDevice(web.url)).rejects.not.toThrow('secret');
  web.lastModified = 'Sat, 28 Nov 2026 00:00:00 GMT';
  expect((await openHttpDevice(web.url)).geometry.size).toBe(BigInt(size));
});

it.each([
  ['another tag', (web: WebServer) => (web.etag = '"2"')],
  ['another size', (web: WebServer) => (web.content = content.subarray(0, 200_000))],
])('%s of the file is an error, and no byte of it is read', async (_, change) => {
  const web = await webServer();
  const device = await openHttpDevice(web.url);
  await read(device, 0, 10);
  change(web);
  await expect(read(device, 100, 10)).rejects.toMatchObject({
    code: 'EIO',
    message: expect.stringContaining('changed'),
  });
});

it.each([
  ['another part', { 'content-range': `bytes 0-9/${size}` }, 'got bytes 0-9'],
  ['too little', { 'content-range': `bytes 100-109/${size}` }, 'sent 5 of 10'],
])('a server that sends %s is an error', async (_, headers, message) => {
  const web = await webServer();
  const device = await openHttpDevice(web.url);
  web.instead = (_, response) => response.writeHead(206, { etag: '"1"', ...headers }).end('12345');
  await expect(read(device, 100, 10)).rejects.toMatchObject({ code: 'EIO', message: expect.stringContaining(message) });
});

it('a server that does not answer is an error after a while, and closing ends the wait', async () => {
  const web = await webServer();
  const device = await openHttpDevice(web.url, { timeoutMs: 100 });
  web.instead = () => {};
  await expect(read(device, 0, 10)).rejects.toMatchObject({ code: 'EIO', message: expect.stringContaining('timeout') });
  const patient = await (async () => {
    web.instead = undefined;
    const opened = await openHttpDevice(web.url);
    web.instead = () => {};
    return opened;
  })();
  const waiting = read(patient, 0, 10);
  await patient.close();
  await expect(waiting).rejects.toThrow('closed');
});

describe('the cache', () => {
  /** Counts what it reads, and fails where it is told to. */
  function countingDevice() {
    const reads: number[] = [];
    const state = { reads, failure: undefined as Error | undefined };
    const device = defineDevice({
      size,
      read(offset, target) {
        reads.push(offset);
        if (state.failure !== undefined) throw state.failure;
        target.set(content.subarray(offset, offset + target.length));
      },
    });
    return { ...state, state, device };
  }

  it('reads a block once, however many ask for it, and keeps the last ones', async () => {
    const { device, reads } = countingDevice();
    const cache = createBlockCache(device, { blockBytes: 10_000, blocksMax: 3, readAhead: 0 });
    await Promise.all([read(cache, 20_000, 10), read(cache, 25_000, 10), read(cache, 29_990, 10)]);
    expect(reads).toEqual([20_000]);
    for (const block of [3, 4, 5]) await read(cache, block * 10_000, 1);
    await read(cache, 20_000, 1);
    expect(reads).toEqual([20_000, 30_000, 40_000, 50_000, 20_000]);
  });

  it('reads ahead in order, and not otherwise', async () => {
    const { device, reads } = countingDevice();
    const cache = createBlockCache(device, { blockBytes: 10_000, readAhead: 2 });
    await read(cache, 100_000, 10);
    expect(reads).toEqual([100_000]);
    await read(cache, 110_000, 10);
    expect(reads).toEqual([100_000, 110_000, 120_000, 130_000]);
    await read(cache, 299_999, 1);
    await read(cache, 299_999, 1);
    expect(reads).toEqual([100_000, 110_000, 120_000, 130_000, 290_000]);
  });

  it('has the right bytes for any range', async () => {
    const { device } = countingDevice();
    const cache = createBlockCache(device, { blockBytes: 1024, blocksMax: 16 });
    for (const [offset, length] of [
      [0, 1],
      [1023, 2],
      [1, 5000],
      [299_000, 1000],
      [0, size],
      [2048, 1024],
    ] as const) {
      expect((await read(cache, offset, length)).equals(content.subarray(offset, offset + length))).toBe(true);
    }
  });

  it('keeps no failure', async () => {
    const { device, state } = countingDevice();
    const cache = createBlockCache(device);
    state.failure = Object.assign(new Error('broken'), { code: 'EIO' });
    await expect(read(cache, 0, 10)).rejects.toMatchObject({ code: 'EIO' });
    state.failure = undefined;
    expect((await read(cache, 0, 10)).equals(content.subarray(0, 10))).toBe(true);
  });
});
