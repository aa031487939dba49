import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { createRangeHandler } from './range-handler.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const device = createMemoryDevice({ size: 2 ** 20 });
await device.write(1000, new TextEncoder().encode('a sentence in the middle of a disk'));
const serving = await serve({ type: 'unix', path: join(folder, 'socket') }, { listen, exports: { disk: device } });
const disk = await connect({ path: join(folder, 'socket'), exportName: 'disk' });

const web = createServer(createRangeHandler(disk)).listen(0, '127.0.0.1');
await once(web, 'listening');
const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;

const head = await fetch(url, { method: 'HEAD' });
console.log(head.status, head.headers.get('accept-ranges'), head.headers.get('content-length'));
for (const range of ['bytes=1000-1033', 'bytes=-4', 'bytes=1048576-']) {
  const response = await fetch(url, { headers: { range } });
  const { byteLength } = await response.arrayBuffer();
  console.log(range, response.status, response.headers.get('content-range'), byteLength);
}
const etag = head.headers.get('etag') as string;
console.log('not modified:', (await fetch(url, { headers: { 'if-none-match': etag } })).status);

web.close();
web.closeAllConnections();
await disk.close();
await serving.close();
rmSync(folder, { recursive: true });
