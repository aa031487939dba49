/** The client without Node, here in Node: over channels in memory, with a server of the same kind. */

import { openNegotiation } from '@nbdjs/connection/core';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import * as core from '../src/core/index.ts';
import * as whole from '../src/index.ts';

const mebi = 2 ** 20;

function disk() {
  const server = createServer({ exports: { disk: createMemoryDevice({ size: 8 * mebi }) } });
  let openCount = 0;
  let last: { destroy(): void } | undefined;
  return {
    server,
    target: {
      exportName: 'disk',
      async open() {
        openCount++;
        const [ours, theirs] = createMemoryPair();
        last = theirs;
        void server.accept(theirs);
        return ours;
      },
    },
    cut: () => last?.destroy(),
    openCount: () => openCount,
  };
}

const ruler = Uint8Array.from({ length: mebi + 77 }, (_, index) => (index * 31) & 0xff);

describe('the core of the client', () => {
  it('reads and writes, and comes back after a loss', async () => {
    const { server, target, cut, openCount } = disk();
    const client = await core.connect(target, { reconnectDelayMs: 5000 });
    await client.write(1000, ruler);
    cut();
    expect(Buffer.compare(await client.readBytes(1000, ruler.length), ruler)).toBe(0);
    expect(openCount()).toBe(2);
    await client.close();
    await server.close();
  });

  it('has web streams both ways', async () => {
    const { server, target } = disk();
    const client = await core.connect(target);
    const writer = client.writable({ offset: 5 }).getWriter();
    await writer.write(ruler);
    await writer.write(Uint8Array.of(1, 2, 3));
    await writer.close();
    const parts: Uint8Array[] = [];
    for await (const part of client.readable({ offset: 5, length: ruler.length + 3, requestSize: 100_000 }))
      parts.push(part);
    expect(Buffer.compare(Buffer.concat(parts), Buffer.concat([ruler, Uint8Array.of(1, 2, 3)]))).toBe(0);
    expect(parts[0]).toHaveLength(100_000);
    await client.close();
    await server.close();
  });

  it('ends a web stream with the error of its range, and abandons the reads of one that is cancelled', async () => {
    const { server, target } = disk();
    const client = await core.connect(target);
    const beyond = client.readable({ offset: 8 * mebi, length: 1 }).getReader();
    await expect(beyond.read()).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    const writer = client.writable({ offset: 8 * mebi - 1 }).getWriter();
    await expect(writer.write(ruler)).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    await expect(writer.closed).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    const reader = client.readable().getReader();
    expect((await reader.read()).value?.length).toBeGreaterThan(0);
    await reader.cancel(new Error('enough'));
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    await client.close();
    await server.close();
  });

  it('abandons a write in flight when its web stream is aborted, while the server is away', async () => {
    const { server, target, cut } = disk();
    let isAway = false;
    const open = () => (isAway ? new Promise<never>(() => {}) : target.open());
    const client = await core.connect({ ...target, open }, { reconnectDelayMs: 60_000 });
    const writer = client.writable().getWriter();
    await writer.write(Uint8Array.of(1));
    isAway = true;
    cut();
    const waiting = writer.write(ruler);
    const reason = new Error('enough');
    await Promise.all([
      writer.abort(reason),
      expect(waiting).rejects.toBe(reason),
      expect(writer.closed).rejects.toBe(reason),
    ]);
    client.destroy();
    await server.close();
  });

  it('lists the exports of a server by openNegotiation of @nbdjs/connection/core', async () => {
    const { server, target } = disk();
    const negotiation = await openNegotiation(target);
    expect((await negotiation.list()).map(({ name }) => name)).toEqual(['disk']);
    expect((await negotiation.info('disk')).size).toBe(BigInt(8 * mebi));
    await negotiation.abort();
    negotiation.close();
    await expect(openNegotiation('nbd://localhost' as unknown as core.ChannelOpener)).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: expect.stringContaining('expected a ByteChannel, or { open }'),
    });
    await server.close();
  });

  it.each([
    ['nbd://localhost', /URIs need Node/],
    [undefined, /the target is undefined/],
    [{ open: 5 }, /expected \{ open, exportName \}/],
    [{ open: () => {}, exportName: 5 }, /exportName is 5, expected a string/],
  ])('refuses %j as a target', async (target, message) => {
    const connecting = core.connect(target as unknown as core.OpenerTarget);
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  it('refuses options that it has no use for', async () => {
    const options = { delivery: 'thread' } as core.ConnectOptions;
    await expect(core.connect(disk().target, options)).rejects.toThrow("connect: unknown option 'delivery'");
  });

  it('has nothing that the whole does not have', () => {
    expect(Object.keys(core).filter((name) => !(name in whole))).toEqual([]);
    expect(whole.NbdClient.prototype).toBeInstanceOf(core.NbdClient);
  });
});
