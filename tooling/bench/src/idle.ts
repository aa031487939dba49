/** Connections that do nothing, as a process of their own: `idle.ts URI COUNT`. Prints `ready`, and stays until it is ended. */
import { connect } from '@nbdjs/client';

const [uri = '', count = '1'] = process.argv.slice(2);
const clients = [];
// A server may have a limit for handshakes at a time.
for (let made = 0; made < Number(count); made++) clients.push(await connect(uri, { contexts: [] }));
process.stdout.write('ready\n');
setInterval(() => {}, 2 ** 30);
