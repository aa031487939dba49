import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { createService } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const service = await createService({ folder });
const url = await service.listen({ host: '127.0.0.1', port: 0 });

const body = new Uint8Array(2 ** 20).fill(0xab);
const headers = { 'content-type': 'application/octet-stream' };
const uploaded = await fetch(`${url}/disks/first`, { method: 'PUT', headers, body });
const { name, sizeBytes, uri } = (await uploaded.json()) as { name: string; sizeBytes: number; uri: string };
console.log(`${uploaded.status}: ${name}, ${sizeBytes} bytes`);

const disk = await connect(uri);
await disk.write(0, new TextEncoder().encode('written over NBD'));
await disk.flush();
await disk.close();

const downloaded = await (await fetch(`${url}/disks/first`)).arrayBuffer();
console.log(`downloaded: ${new TextDecoder().decode(downloaded.slice(0, 16))}`);

await service.close();
rmSync(folder, { recursive: true });
