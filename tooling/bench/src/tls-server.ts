/** 2 GiB of memory, served in TLS, as a process of its own: `tls-server.ts SOCKET FOLDER`. Prints a line when it listens. */
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen, serverTls } from '@nbdjs/transport';

const [path = '', folder] = process.argv.slice(2);
const size = 2 * 2 ** 30;
const device = createMemoryDevice({ size });
// Memory that was never written is a hole, and would not be read.
const piece = new Uint8Array(2 ** 20).fill(1);
for (let offset = 0; offset < size; offset += piece.length) await device.write(offset, piece);
const tls = serverTls({ certificates: { folder }, verifyPeer: false });
const server = createServer({ exports: { '': device }, tls });
await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
console.log('ready');
