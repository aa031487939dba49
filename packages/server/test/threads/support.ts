/** Servers whose sessions run in threads, over a file. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectOptions, connect, type NbdClient } from '@nbdjs/client';
import { detachDescriptor, listen } from '@nbdjs/transport';
import { onTestFinished } from 'vitest';
import { serve, type ThreadedServerOptions, type ThreadedServing } from '../../src/index.ts';
import type { FileThreadData } from './file-thread.ts';

export const fileThread = new URL('./file-thread.ts', import.meta.url);

export interface Threaded {
  readonly serving: ThreadedServing<{ readonly type: 'unix'; readonly path: string }>;
  readonly path: string;
  readonly uri: string;
  /** Opens a client, which is closed with the test. */
  connect(exportName?: string, options?: ConnectOptions): Promise<NbdClient>;
}

export interface ThreadedOptions extends Omit<ThreadedServerOptions, 'threads'> {
  readonly count?: number;
  readonly bytes?: number;
  readonly replacementsMax?: number;
  readonly data?: Omit<FileThreadData, 'path'>;
}

/** Starts a server with threads over a file of zeroes, on a Unix socket. It ends with the test. */
export async function startThreaded(given: ThreadedOptions = {}): Promise<Threaded> {
  const { count = 2, bytes = 2 ** 20, replacementsMax, data, ...options } = given;
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-threads-'));
  const path = join(folder, 'disk');
  writeFileSync(path, new Uint8Array(bytes));
  const clients: NbdClient[] = [];
  const threads = {
    module: fileThread,
    detach: detachDescriptor,
    count,
    data: { ...data, path },
    ...(replacementsMax === undefined ? {} : { replacementsMax }),
  };
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const serving = await serve({ type: 'unix', path: join(folder, 'socket') }, { ...options, listen, threads });
  onTestFinished(async () => {
    for (const client of clients) client.destroy();
    await serving.server.destroy();
    await serving.close();
  });
  return {
    serving,
    path,
    uri: serving.uri,
    async connect(exportName = 'disk', clientOptions = {}) {
      const client = await connect(serving.uri, { exportName, delivery: 'inline', connections: 1, ...clientOptions });
      clients.push(client);
      return client;
    },
  };
}

/** The descriptors of this process that are sockets or regular files. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^(socket:|\/.*nbdjs-threads)/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}
