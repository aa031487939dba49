import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { systemClock } from '@nbdjs/node';
import { serve } from '@nbdjs/server';
import { createRetryLayer } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { createBlockCache } from './block-cache.ts';
import { openHttpDevice } from './http-device.ts';

// A web server with a file of 4 MiB; use the address of your own instead.
const file = Buffer.alloc(4 * 2 ** 20, 'an ISO image on a web server. ');
let requests = 0;
const web = createServer((request, response) => {
  requests++;
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const part = file.subarray(Number(start), Number(end) + 1);
  const range = `bytes ${start}-${end}/${file.length}`;
  response.writeHead(206, { etag: '"1"', 'content-range': range, 'content-length': part.length }).end(part);
}).listen(0, '127.0.0.1');
await once(web, 'listening');

const remote = await openHttpDevice(`http://127.0.0.1:${(web.address() as AddressInfo).port}/image.iso`);
const image = createBlockCache(createRetryLayer(remote, { clock: systemClock, retries: 3 }));

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const path = join(folder, 'socket');
const serving = await serve({ type: 'unix', path }, { listen, exports: { image } });

const disk = await connect({ path, exportName: 'image' });
console.log(`${disk.geometry.size} bytes, read-only: ${disk.abilities.readOnly}`);
console.log(new TextDecoder().decode(await disk.readBytes(0, 28)));
for (let offset = 0; offset < file.length; offset += 4096) await disk.readBytes(offset, 4096);
console.log(`${file.length / 4096} reads, ${requests} requests over HTTP`);
await disk.close();

await serving.close();
await image.close();
web.close();
web.closeAllConnections();
rmSync(folder, { recursive: true });
