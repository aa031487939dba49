import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createService } from '../service.ts';

let folder: string;
let service: FastifyInstance;
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
  service = await createService({ folder, imageBytesMax: 4 * 2 ** 20 });
  url = await service.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

const headers = { 'content-type': 'application/octet-stream' };
const put = (name: string, body: Uint8Array<ArrayBuffer>) =>
  fetch(`${url}/disks/${name}`, { method: 'PUT', headers, body });
const list = async () =>
  (await (await fetch(`${url}/disks`)).json()) as { name: string; sizeBytes: number; uri: string }[];

it('serves what was uploaded, and hands out what was written', async () => {
  const answer = await put('one', new Uint8Array(100_000).fill(1));
  expect(answer.status).toBe(201);
  const { uri } = (await answer.json()) as { uri: string };
  expect(await list()).toEqual([{ name: 'one', sizeBytes: 100_000, uri }]);
  const [first, second] = await Promise.all([connect(uri), connect(uri)]);
  await first.write(99_999, Uint8Array.of(7));
  expect(await second.readBytes(99_998, 2)).toEqual(Uint8Array.of(1, 7));
  await Promise.all([first.close(), second.close()]);
  const download = await fetch(`${url}/disks/one`);
  expect(download.headers.get('content-length')).toBe('100000');
  expect(new Uint8Array(await download.arrayBuffer()).subarray(99_998)).toEqual(Uint8Array.of(1, 7));
});

it('replaces nothing, and says what is wrong', async () => {
  await put('one', new Uint8Array(512));
  expect((await put('one', new Uint8Array(1024))).status).toBe(409);
  expect((await list())[0]?.sizeBytes).toBe(512);
  expect((await put('..%2Fone', new Uint8Array(512))).status).toBe(400);
  expect((await put('UPPER', new Uint8Array(512))).status).toBe(400);
  expect((await put('long', new Uint8Array(4 * 2 ** 20 + 1))).status).toBe(413);
  expect((await fetch(`${url}/disks/none`)).status).toBe(404);
  expect((await fetch(`${url}/disks/none`, { method: 'DELETE' })).status).toBe(404);
  expect((await fetch(`${url}/disks/one`, { method: 'PUT', body: 'text' })).status).toBe(415);
  expect(readdirSync(folder)).toEqual(['one.img']);
});

it('a deleted disk is there for those who use it, and a new one of that name for others', async () => {
  await put('one', new Uint8Array(512).fill(1));
  const { uri } = (await list())[0] as { uri: string };
  const old = await connect(uri);
  expect((await fetch(`${url}/disks/one`, { method: 'DELETE' })).status).toBe(204);
  await expect(connect(uri)).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
  await put('one', new Uint8Array(512).fill(2));
  const next = await connect(uri);
  expect([(await old.readBytes(0, 1))[0], (await next.readBytes(0, 1))[0]]).toEqual([1, 2]);
  await Promise.all([old.close(), next.close()]);
});

it('an upload that is cut leaves nothing', async () => {
  const upload = request(`${url}/disks/cut`, { method: 'PUT', headers: { ...headers, 'content-length': 1_000_000 } });
  upload.on('error', () => {});
  upload.write(Buffer.alloc(100_000));
  await expect.poll(() => readdirSync(folder).length).toBe(1);
  upload.destroy();
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});

it('an upload without a length is ended when it is too long', async () => {
  const upload = request(`${url}/disks/long`, { method: 'PUT', headers });
  const status = new Promise((resolve) => {
    upload.on('response', (response) => resolve(response.resume().statusCode));
    upload.on('error', () => resolve('cut'));
  });
  for (let piece = 0; piece < 5; piece++) upload.write(Buffer.alloc(2 ** 20));
  expect([413, 'cut']).toContain(await status);
  upload.destroy();
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});

it('closes with a client that is connected, and serves nothing afterwards', async () => {
  await put('one', new Uint8Array(512));
  const { uri } = (await list())[0] as { uri: string };
  const disk = await connect(uri, { reconnects: false });
  expect((await fetch(`${url}/health`)).status).toBe(200);
  const closing = service.close();
  await disk.close();
  await closing;
  await expect(connect(uri)).rejects.toMatchObject({ name: 'ConnectError' });
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});
