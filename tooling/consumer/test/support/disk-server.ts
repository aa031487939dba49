/** A server for the examples, at the addresses that they name. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { startS3Server } from '@nbdjs/testkit';
import { listen } from '@nbdjs/transport';
import { attachWeb } from '@nbdjs/websocket/node';

export interface DiskServer {
  readonly port: number;
  readonly path: string;
  /** The text with the addresses of the examples replaced by ours. */
  translate(text: string): string;
  close(): Promise<void>;
}

export async function startDiskServer(): Promise<DiskServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-disk-'));
  const path = join(folder, 'socket');
  const exports = { disk: createMemoryDevice({ size: 64 * 2 ** 20 }) };
  const tcp = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports });
  const unix = await serve({ type: 'unix', path }, { listen, exports });
  const { port } = tcp.address;
  const nbd = createServer({ exports });
  const web = createHttpServer();
  attachWeb(web, { path: '/nbd', tokens: ['the-token'] }, (channel) => void nbd.accept(channel));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  const s3 = await startS3Server({ bucket: 'disks', isPublic: true });
  // Each program makes the same disk.
  let programs = 0;
  const webPort = (web.address() as AddressInfo).port;
  return {
    port,
    path,
    translate: (text) =>
      text
        .replaceAll('/run/nbd.sock', path)
        .replaceAll("'wss://storage.example/nbd', { token }", `'ws://127.0.0.1:${webPort}/nbd', { token }`)
        .replaceAll(/nbd:\/\/(storage\.example|server)\//g, `nbd://127.0.0.1:${port}/`)
        .replaceAll("host: 'storage.example', port: 10809", `host: '127.0.0.1', port: ${port}`)
        .replaceAll(
          "endpoint: 'https://s3.example.com'",
          `endpoint: '${s3.endpoint}', credentials: 'anonymous', prefix: 'of-${++programs}/'`,
        )
        // A server of the example's own.
        .replaceAll("host: '127.0.0.1', port: 10809", "host: '127.0.0.1', port: 0"),
    async close() {
      web.closeAllConnections();
      web.close();
      await Promise.all([tcp.close(), unix.close(), nbd.close(), s3.close()]);
      rmSync(folder, { recursive: true });
    },
  };
}
