/** Clients from before there were options, and what is counted of whom. */
import { createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { createServer } from '../src/index.ts';
import { connectTo } from './support.ts';

describe('oldstyle', () => {
  it('serves the default export with simple replies', async () => {
    await using server = createServer({ exports: { disk: createMemoryDevice({ size: 65_536 }) }, style: 'oldstyle' });
    const client = await connectTo(server, 'extended');
    expect(client.facts).toMatchObject({ style: 'oldstyle', mode: 'simple', size: 65_536n, contexts: [] });
    await client.write(512, new Uint8Array(1024).fill(7));
    expect((await client.readBytes(0, 2048)).reduce((sum, byte) => sum + byte, 0)).toBe(7 * 1024);
    await client.close();
  });

  it('hangs up where there is no default export', async () => {
    const memory = createMemoryDevice({ size: 512 });
    await using server = createServer({ exports: { one: memory, two: memory }, style: 'oldstyle' });
    await expect(connectTo(server)).rejects.toMatchObject({ code: 'ERR_NBD_PEER_CLOSED' });
  });
});

describe('statistics', () => {
  it('are kept for each export, of clients that are there and of those that have gone', async () => {
    const exports = { one: createMemoryDevice({ size: 4096 }), two: createMemoryDevice({ size: 4096 }) };
    await using server = createServer({ exports });
    for (const [name, reads] of [
      ['one', 2],
      ['one', 3],
      ['two', 1],
    ] as const) {
      const client = await connectTo(server, 'extended', name);
      for (let count = 0; count < reads; count++) await client.readBytes(0, 1000);
      if (reads !== 3) await client.close();
    }
    expect(server.statisticsOf('one')).toMatchObject({ readBytes: 5000, failedRequests: 0 });
    expect(server.statisticsOf('two')).toMatchObject({ readBytes: 1000 });
    expect(server.statisticsOf('three')).toEqual({ requests: 0, failedRequests: 0, readBytes: 0, writtenBytes: 0 });
    expect(server.statistics.readBytes).toBe(6000);
  });
});
