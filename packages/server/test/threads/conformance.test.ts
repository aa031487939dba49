/**
 * A client of a server with threads is a block device like any other, over each kind of headers.
 *
 * @module-tag slow
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NbdClient } from '@nbdjs/client';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { detachDescriptor, listen } from '@nbdjs/transport';
import { serve } from '../../src/index.ts';
import { fileThread } from './support.ts';

for (const mode of ['simple', 'structured', 'extended'] as const) {
  blockDeviceConformance(`a file in three threads, served with ${mode} headers over three connections`, {
    make: async (size) => {
      const folder = mkdtempSync(join(tmpdir(), 'nbdjs-threads-'));
      const path = join(folder, 'disk');
      writeFileSync(path, '');
      truncateSync(path, Number(size));
      const threads = { module: fileThread, detach: detachDescriptor, count: 3, data: { path } };
      const serving = await serve({ type: 'unix', path: join(folder, 'socket') }, { listen, threads, mode });
      const client = await connect(serving.uri, { exportName: 'disk', delivery: 'inline', connections: 3 });
      return withEnd(client, async () => {
        await serving.close();
        rmSync(folder, { recursive: true, force: true });
      });
    },
  });
}

function withEnd(client: NbdClient, end: () => Promise<void>): NbdClient {
  return Object.assign(client, {
    close: async () => {
      await Object.getPrototypeOf(client).close.call(client);
      await end();
    },
  });
}
