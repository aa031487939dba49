/**
 * Memory served from source, as a process of its own: `memory-server.ts SOCKET`. Prints a line when it listens. It does not poll
 * before it sleeps, for the reason that costs-per-request.ts gives.
 */
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const [path = ''] = process.argv.slice(2);
const size = 64 * 2 ** 20;
const device = createMemoryDevice({ size });
// Memory that was never written is a hole, and would not be read.
const piece = new Uint8Array(2 ** 20).fill(1);
for (let offset = 0; offset < size; offset += piece.length) await device.write(offset, piece);
const server = createServer({ exports: { '': device }, busyPollMs: 0 });
await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
process.stdout.write('ready\n');
