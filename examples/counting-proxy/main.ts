import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { startCountingProxy } from './counting-proxy.ts';

// The server that is behind the proxy; use the URI of your own instead.
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const path = join(folder, 'origin');
const origin = await serve(
  { type: 'unix', path },
  { listen, exports: { disk: createMemoryDevice({ size: 2 ** 20 }) } },
);

const upstream = await connect({ path, exportName: 'disk' });
const proxy = await startCountingProxy({ type: 'tcp', host: '127.0.0.1', port: 0 }, 'disk', upstream);
proxy.web.listen(0, '127.0.0.1');
await once(proxy.web, 'listening');

const disk = await connect(proxy.uri);
for (let offset = 0; offset < 10 * 4096; offset += 4096) await disk.write(offset, new Uint8Array(4096));
await disk.readBytes(0, 65_536);
await disk.flush();

const { port } = proxy.web.address() as AddressInfo;
const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
const shown = /^nbd_proxy_(requests_total|bytes_total|clients|request_seconds_count)/;
for (const line of text.split('\n')) if (shown.test(line)) console.log(line);

await disk.close();
await proxy.close();
await upstream.close();
await origin.close();
rmSync(folder, { recursive: true });
