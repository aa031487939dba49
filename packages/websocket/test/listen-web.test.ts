/** A server that does nothing but take channels, at addresses of all kinds. */
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listenWeb } from '../src/node/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-web-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const refuse = (): never => {
  throw new Error('nobody connects here');
};

it('replaces the socket file of a server that is gone, and removes its own', async () => {
  const path = join(folder, 'socket');
  const gone = createServer().listen(join(folder, 'gone'));
  await once(gone, 'listening');
  linkSync(join(folder, 'gone'), path);
  gone.close();
  const listener = await listenWeb({ type: 'unix', path }, refuse);
  expect(listener).toMatchObject({ address: { type: 'unix', path }, url: '' });
  await listener.close();
  expect(existsSync(path)).toBe(false);
});

it('leaves a living server its socket, and its port', async () => {
  const target = { type: 'unix', path: join(folder, 'socket') } as const;
  const first = await listenWeb(target, refuse);
  await expect(listenWeb(target, refuse)).rejects.toMatchObject({
    code: 'ERR_NBD_CONNECT',
    message: expect.stringContaining(`cannot listen on ${target.path}: address already in use`),
  });
  expect(existsSync(target.path)).toBe(true);
  await first.close();
  const other = await listenWeb({ type: 'tcp', host: '127.0.0.1', port: 0 }, refuse);
  await expect(listenWeb(other.address, refuse)).rejects.toMatchObject({
    code: 'ERR_NBD_CONNECT',
    message: `cannot listen on 127.0.0.1:${other.address.port}: address already in use`,
  });
  await other.close();
});

it('refuses a path that no socket can have', async () => {
  const path = join(folder, 'x'.repeat(200));
  await expect(listenWeb({ type: 'unix', path }, refuse)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
});
