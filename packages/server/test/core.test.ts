/** The server without Node, here in Node: the same sessions, and an error for what it lacks. */
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { describe, expect, it } from 'vitest';
import * as core from '../src/core/index.ts';
import * as whole from '../src/index.ts';
import { connectTo } from './support.ts';

describe('the core of the server', () => {
  it('serves a device', async () => {
    const server = core.createServer({ exports: { disk: createMemoryDevice({ size: 2 ** 20 }) } });
    const client = await connectTo(server, 'extended', 'disk');
    const source = Uint8Array.from({ length: 100_000 }, (_, index) => index & 0xff);
    await client.write(12_345, source, { fua: true });
    expect(Buffer.compare(await client.readBytes(12_345, source.length), source)).toBe(0);
    await client.close();
    await server.close();
    expect(server.clients.accepted).toBe(1);
  });

  it('refuses rules that it could not hold clients to, even empty ones', () => {
    const exports = { disk: createMemoryDevice({ size: 512 }) };
    for (const access of [{ allow: ['127.0.0.1'] }, {}]) {
      expect(() => core.createServer({ exports, access })).toThrow(
        expect.objectContaining({ name: 'UsageError', code: 'ERR_NBD_NOT_SUPPORTED' }),
      );
    }
  });

  it('has nothing that the whole does not have', () => {
    const missing = Object.keys(core).filter((name) => !(name in whole));
    expect(missing).toEqual([]);
  });
});
