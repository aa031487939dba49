/** A server and its place in one call: what a first example needs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen, serverTls } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { serve } from '../src/index.ts';

it('serves a table over TCP, tells the URI and the port, and closes both', async () => {
  const exports = { disk: createMemoryDevice({ size: 4096 }) };
  const serving = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports });
  // The port is known to be there without asking for the type of the address.
  expect(serving.uri).toBe(`nbd://127.0.0.1:${serving.address.port}/disk`);
  const client = await connect(serving.uri, { delivery: 'inline' });
  expect(client.geometry.size).toBe(4096n);
  await client.close();
  await serving.close();
  await expect(connect(serving.uri, { delivery: 'inline' })).rejects.toMatchObject({ code: 'ERR_NBD_REFUSED' });
});

it('serves on a Unix socket, and asks who comes where rules are about users', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-serve-'));
  const device = createMemoryDevice({ size: 4096 });
  const access = { allow: [`uid:${process.getuid?.()}`] };
  const serving = await serve(
    { type: 'unix', path: join(folder, 'socket') },
    { listen, exports: { a: device, b: device }, access },
  );
  expect(serving.uri).toBe(`nbd+unix:///?socket=${join(folder, 'socket')}`);
  const client = await connect(serving.uri, { exportName: 'b', delivery: 'inline' });
  expect(serving.server.sessions).toHaveLength(1);
  await client.close();
  await serving[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

it('names a host that clients can connect to when it listens everywhere', async () => {
  const exports = { disk: createMemoryDevice({ size: 4096 }) };
  const serving = await serve({ type: 'tcp', port: 0 }, { listen, exports });
  expect(serving.uri).toBe(`nbd://localhost:${serving.address.port}/disk`);
  await serving.close();
});

it('says what is missing to a caller without a compiler', async () => {
  const options = { exports: { disk: createMemoryDevice({ size: 4096 }) } } as unknown as Parameters<typeof serve>[1];
  const message = 'serve: listen is missing, expected a function, such as that of @nbdjs/transport';
  await expect(serve({ type: 'tcp', port: 0 }, options)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT', message });
});

it('is for clients with TLS by its URI where TLS is required', async () => {
  const exports = { disk: createMemoryDevice({ size: 4096 }) };
  const tls = serverTls({ psk: { keys: { alice: new Uint8Array(32).fill(1) } } });
  const serving = await serve({ type: 'tcp', port: 0 }, { listen, exports, tls });
  expect(serving.uri).toBe(`nbds://localhost:${serving.address.port}/disk`);
  await serving.close();
});
