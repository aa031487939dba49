/**
 * The least that Node can do with as many bytes: requests of 28 bytes one way, replies of one length the other way, nobody looks into
 * them. `bare-node.mjs serve SOCKET BLOCK_BYTES` prints `ready` when it listens, and so does `serve-buffered`, which gives the kernel as much
 * room for what it sends as our transport does. Node cannot do that by itself. `bare-node.mjs load SOCKET BLOCK_BYTES DEPTH SECONDS` prints
 * what ../load.ts prints.
 */
import { createServer, Socket } from 'node:net';
import { setSendBuffer } from '@nbdjs/syscalls';
import { beginCounting } from '../node-counters.mjs';

const requestBytes = 28;
/** A structured reply in one chunk: its header, and the offset. */
const replyHeaderBytes = 28;
const sendBufferBytes = 2 ** 20;

const [mode = '', path = '', blockBytes = '4096', depth = '1', seconds = '1'] = process.argv.slice(2);
const replyBytes = replyHeaderBytes + Number(blockBytes);

if (mode === 'load') await load();
else serve();

function serve() {
  const reply = new Uint8Array(replyBytes);
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    let received = 0;
    // Accepted sockets take no `onread`, but another one can have their handle.
    const { _handle: handle } = /** @type {any} */ (accepted);
    const socket = new Socket(
      /** @type {any} */ ({
        handle,
        readable: true,
        writable: true,
        onread: {
          buffer: new Uint8Array(65_536),
          callback(byteCount) {
            received += byteCount;
            socket.cork();
            for (; received >= requestBytes; received -= requestBytes) socket.write(reply);
            socket.uncork();
            return true;
          },
        },
      }),
    );
    socket.on('error', () => socket.destroy());
    if (mode === 'serve-buffered') setSendBuffer(handle.fd, sendBufferBytes);
    socket.resume();
  });
  server.listen(path, () => process.stdout.write('ready\n'));
}

async function load() {
  const request = new Uint8Array(requestBytes);
  let replies = 0;
  let received = 0;
  let isOver = false;
  const socket = new Socket({
    onread: {
      // As much as the client of nbdjs reads at a time.
      buffer: new Uint8Array(Math.max(262_144, Number(blockBytes))),
      callback(byteCount) {
        received += byteCount;
        const arrived = Math.floor(received / replyBytes);
        received -= arrived * replyBytes;
        replies += arrived;
        if (arrived > 0 && !isOver) socket.write(arrived === 1 ? request : new Uint8Array(arrived * requestBytes));
        return true;
      },
    },
  });
  socket.connect(path);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(new Uint8Array(Number(depth) * requestBytes));
  await new Promise((resolve) => setTimeout(resolve, 500));

  process.stdout.write('begin\n');
  const endCounting = beginCounting();
  const before = process.cpuUsage();
  const start = performance.now();
  replies = 0;
  await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
  const requests = replies;
  const elapsed = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  const node = endCounting();
  isOver = true;
  const used = { processorSeconds: (user + system) / 1e6 };
  process.stdout.write(`${JSON.stringify({ perSecond: requests / elapsed, requests, used, node })}\n`);
  socket.destroy();
}
