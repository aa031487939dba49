/** Asking servers about their exports: over one connection at a time, with all answers that can be had. */
import { encodeErrorReply, Option, OptionReply } from '@nbdjs/protocol';
import { OptionServer, TinyServer, told, withInfo } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  type Established,
  ExportInspector,
  inspectExport,
  leaveExport,
  listExports,
  openInspector,
} from '../src/index.ts';

const mebi = 1n << 20n;
const options = { connectTimeoutMs: 5000, handshakeTimeoutMs: 5000 };

const policy = (option: number): Uint8Array => encodeErrorReply(option, OptionReply.ErrPolicy, 'Access denied');
const nameIn = (payload: Buffer): string => payload.subarray(4, 4 + payload.readUInt32BE()).toString();

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('an inspector', () => {
  it('asks about all exports over one connection, and leaves by ABORT', async () => {
    await using server = await OptionServer.start({ names: ['one', 'two'], answer: withInfo() });
    const inspector = await openInspector(server.address, options);
    expect(inspector).toMatchObject({ style: 'newstyle-fixed', mode: 'simple', tls: false });
    expect(inspector.name).toMatch(/^nbd:\/\/127\.0\.0\.1:\d+/);
    expect(await collect(listExports(inspector))).toMatchObject([
      { name: 'one', size: mebi, error: undefined },
      { name: 'two', size: mebi, error: undefined },
    ]);
    await inspector.close();
    expect(server.conversations).toHaveLength(1);
    expect(server.conversations[0]?.options.at(-1)).toBe(Option.Abort);
  });

  it('returns the facts and the metadata contexts of an export that is not opened', async () => {
    const server = new TinyServer({ exports: ['one'] });
    const address = await server.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
    try {
      await using inspector = await openInspector(address, options);
      expect(await inspectExport(inspector, 'one')).toMatchObject({
        name: 'one',
        contexts: ['base:allocation'],
        facts: { exportName: 'one' },
        error: undefined,
      });
      expect(await inspectExport(inspector, 'none')).toMatchObject({
        name: 'none',
        facts: undefined,
        error: { code: 'ERR_NBD_UNKNOWN_EXPORT' },
      });
    } finally {
      await server.close();
    }
  });

  it('opens an export whose size INFO does not report, and leaves it again', async () => {
    await using server = await OptionServer.start({
      answer: withInfo((option) => (option === Option.Info ? told(option, 0n) : undefined)),
    });
    await using inspector = await openInspector(server.address, options);
    expect((await inspector.info(''))?.size).toBe(0n);
    expect((await inspector.facts('')).size).toBe(mebi);
    expect(server.conversations.some(({ disconnected }) => disconnected)).toBe(true);
  });

  it('opens exports of a server without INFO, each by a connection that is left by a message', async () => {
    await using server = await OptionServer.start({ names: ['one', 'two', 'three'], answer: () => undefined });
    await using inspector = await openInspector(server.address, options);
    const found = await collect(listExports(inspector));
    expect(found.map(({ name, size, error }) => ({ name, size, error }))).toEqual(
      ['one', 'two', 'three'].map((name) => ({ name, size: mebi, error: undefined })),
    );
    expect(server.conversations.map(({ disconnected }) => disconnected)).toEqual([true, true, true]);
  });

  it('replaces a connection that breaks after it has answered', async () => {
    await using server = await OptionServer.start({
      names: ['one', 'two', 'three'],
      answer: withInfo((option, payload, { options: seen }) => {
        if (seen.filter((one) => one === Option.Info).length > 2) return 'hang up';
        return option === Option.Info && nameIn(payload) === 'two' ? policy(option) : undefined;
      }),
    });
    await using inspector = await openInspector(server.address, options);
    expect(await collect(listExports(inspector))).toMatchObject([
      { name: 'one', size: mebi },
      { name: 'two', facts: undefined, error: { message: expect.stringContaining('Access denied') } },
      { name: 'three', size: mebi },
    ]);
    expect(server.conversations).toHaveLength(2);
  });

  it('stops asking about exports when the server has stopped answering', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `e${index}`);
    await using server = await OptionServer.start({
      names,
      answer: (option) => (option === Option.List ? undefined : 'hang up'),
    });
    await using inspector = await openInspector(server.address, { ...options, handshake: { mode: 'simple' } });
    const found = await collect(listExports(inspector));
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(found.every(({ error }) => error instanceof Error)).toBe(true);
    expect(found.at(-1)?.error?.message).toMatch(/not asked, because the server has not answered/);
    expect(server.conversations.length).toBeLessThan(20);
  });

  it('keeps the answer of INFO for an export that cannot be opened for lack of an answer', async () => {
    await using server = await OptionServer.start({
      answer: withInfo((option) => (option === Option.Go || option === Option.ExportName ? 'hang up' : undefined)),
    });
    await using inspector = await openInspector(server.address, options);
    const examine = (established: Established) => leaveExport(established);
    const found = await inspectExport(inspector, '', { examine });
    expect(found).toMatchObject({ size: mebi, facts: { size: mebi }, error: { code: 'ERR_NBD_PEER_CLOSED' } });
  });

  it('does not report a server that is busy with other clients as an error', async () => {
    await using server = await OptionServer.start({
      answer: withInfo((option) => (option === Option.Go ? 'silence' : undefined)),
    });
    await using inspector = await openInspector(server.address, { ...options, handshakeTimeoutMs: 200 });
    const found = await inspectExport(inspector, '', { examine: (established) => leaveExport(established) });
    expect(found).toMatchObject({ size: mebi, error: undefined, warning: { name: 'TimeoutError' } });
  });

  it('gives the open export to the caller to examine', async () => {
    await using server = await OptionServer.start({ names: ['one'], answer: withInfo() });
    await using inspector = await openInspector(server.address, options);
    const [found] = await collect(
      listExports(inspector, {
        async examine(established, name) {
          await leaveExport(established);
          return `${name} of ${established.facts.size} bytes`;
        },
      }),
    );
    expect(found).toMatchObject({ name: 'one', examined: `one of ${mebi} bytes`, error: undefined });
    expect(server.conversations.map(({ disconnected }) => disconnected)).toEqual([true]);
  });

  it('reports which rule the name of an export breaks', async () => {
    await using server = await OptionServer.start({ answer: withInfo() });
    await using inspector = await openInspector(server.address, options);
    const entry = { name: 'odd', description: 'a disk', fault: 'is not UTF-8' };
    expect(await inspectExport(inspector, entry)).toMatchObject({
      name: 'odd',
      description: 'a disk',
      size: mebi,
      error: {
        name: 'ProtocolError',
        rule: 'G2',
        message: expect.stringMatching(/the name of export 'odd' is not UTF-8$/),
      },
    });
  });

  it('waits for an export that does not exist yet, if that is asked for', async () => {
    let questions = 0;
    await using server = await OptionServer.start({
      answer: withInfo((option) => {
        if (option !== Option.Info || questions++ > 0) return undefined;
        return encodeErrorReply(option, OptionReply.ErrUnknown, 'not yet');
      }),
    });
    const waiting = { ...options, openTimeoutMs: 20_000, awaitExport: 'soon' };
    await using inspector = await openInspector(server.address, waiting);
    expect(inspector).toBeInstanceOf(ExportInspector);
    expect(questions).toBe(2);
    expect((await inspector.facts('soon')).size).toBe(mebi);
  });

  it('rejects with the reason of its signal, and hangs up', async () => {
    await using server = await OptionServer.start({
      answer: withInfo((option) => (option === Option.Info ? 'silence' : undefined)),
    });
    const controller = new AbortController();
    await using inspector = await openInspector(server.address, { ...options, signal: controller.signal });
    const asked = inspectExport(inspector, 'one');
    asked.catch(() => {});
    await expect.poll(() => server.conversations[0]?.options.at(-1)).toBe(Option.Info);
    controller.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await expect(inspectExport(inspector, 'two')).rejects.toThrow('enough');
    expect(server.conversations).toHaveLength(1);
  });
});
