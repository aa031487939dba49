/** A server for the examples, at the addresses that they name. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

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
  return {
    port,
    path,
    translate: (text) =>
      text
        .replaceAll('/run/nbd.sock', path)
        .replaceAll(/nbd:\/\/(storage\.example|server)\//g, `nbd://127.0.0.1:${port}/`)
        .replaceAll("host: 'storage.example', port: 10809", `host: '127.0.0.1', port: ${port}`)
        // A server of the example's own.
        .replaceAll("host: '127.0.0.1', port: 10809", "host: '127.0.0.1', port: 0"),
    async close() {
      await Promise.all([tcp.close(), unix.close()]);
      rmSync(folder, { recursive: true });
    },
  };
}
