/** Calls that are abandoned. */

import { type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { CountingAbort, failure, openSession, type SessionOptions, same, standing, turn } from './session.ts';

const reason = new Error('enough');
const modes = ['simple', 'structured', 'extended'] as const;

async function heldSession(options: SessionOptions = {}) {
  const held: FakeRequest[] = [];
  const session = await openSession({ ...options, onRequest: (request) => void held.push(request) });
  return { ...session, held };
}

describe('a signal', () => {
  it('that is aborted before: nothing is sent', async () => {
    const { device, server } = await openSession();
    const signal = AbortSignal.abort(reason);
    const bytes = new Uint8Array(8);
    for (const call of [
      device.read(0, bytes, { signal }),
      device.write(0, bytes, { signal }),
      device.flush({ signal }),
      device.trim(0, 8, { signal }),
      device.writeZeroes(0, 8, { signal }),
      device.cache(0, 8, { signal }),
      device.blockStatus(0, 8, { signal }),
    ]) {
      expect(await failure(call)).toBe(reason);
    }
    expect(server.requests).toEqual([]);
  });

  it('that is aborted in the same turn: nothing is sent', async () => {
    const { device, server } = await openSession();
    const abort = new CountingAbort();
    const calls = [
      failure(device.read(0, new Uint8Array(8), { signal: abort.signal })),
      failure(device.write(0, new Uint8Array(100_000), { signal: abort.signal })),
    ];
    abort.abort(reason);
    expect(await Promise.all(calls)).toEqual([reason, reason]);
    await turn();
    expect(server.requests).toEqual([]);
  });

  it('that is aborted while requests wait for their turn', async () => {
    const { device, server, held } = await heldSession({ multiplexer: { requestsInFlightMax: 1 } });
    const first = device.read(0, new Uint8Array(8));
    const abort = new CountingAbort();
    const waiting = [1, 2, 3].map((offset) =>
      failure(device.read(offset, new Uint8Array(8), { signal: abort.signal })),
    );
    await turn();
    abort.abort(reason);
    for (const error of await Promise.all(waiting)) expect(error).toBe(reason);
    held[0]?.answer();
    await first;
    await turn();
    expect(server.requests).toHaveLength(1);
  });

  it.each(modes)(
    'that is aborted in flight, %s: nothing lands in the memory, and the connection goes on',
    async (mode) => {
      const { device, held } = await heldSession({ mode });
      const abort = new CountingAbort();
      const target = new Uint8Array(1000).fill(0xaa);
      const reading = failure(device.read(0, target, { signal: abort.signal }));
      await turn();
      abort.abort(reason);
      expect(await reading).toBe(reason);
      held[0]?.answer();
      await turn();
      expect(target.every((byte) => byte === 0xaa)).toBe(true);
      const next = device.read(0, target);
      await turn();
      held[1]?.answer();
      await next;
      expect(target.every((byte) => byte === 0xaa)).toBe(false);
      expect(device.state).toBe('connected');
    },
  );

  it.each(modes)('that is aborted during the payload, %s: nothing more lands, at any place', async (mode) => {
    const content = patternBytes(400_000);
    const untouched = new Uint8Array(400_000).fill(0xbb);
    for (const cut of [1, 17, 1000, 40_000, 140_000, 399_000]) {
      for (const asksEarly of [false, true]) {
        const { device, server, held } = await heldSession({ mode, asksEarly, content });
        const abort = new CountingAbort();
        const target = new Uint8Array(400_000);
        const reading = failure(device.read(0, target, { signal: abort.signal }));
        await turn();
        const { channel } = server.connection;
        const pieces: Uint8Array[] = [];
        const { deliver } = channel;
        channel.deliver = (...more) => void pieces.push(...more);
        held[0]?.answer();
        channel.deliver = deliver;
        const reply = Buffer.concat(pieces);
        channel.deliver(reply.subarray(0, cut));
        await turn();
        abort.abort(reason);
        expect(await reading).toBe(reason);
        target.fill(0xbb);
        channel.deliver(reply.subarray(cut));
        await turn();
        expect(same(target, untouched)).toBe(true);
        expect(device.state).toBe('connected');
      }
    }
  });

  it('that is aborted during the payload of another read in the same memory leaves that one alone', async () => {
    const { device, server, held } = await heldSession();
    const memory = new Uint8Array(200_000);
    const abort = new CountingAbort();
    const one = failure(device.read(0, memory.subarray(0, 100_000), { signal: abort.signal }));
    const other = device.read(100_000, memory.subarray(100_000));
    await turn();
    const { channel } = server.connection;
    const pieces: Uint8Array[] = [];
    const { deliver } = channel;
    channel.deliver = (...more) => void pieces.push(...more);
    held[1]?.answer();
    channel.deliver = deliver;
    const reply = Buffer.concat(pieces);
    channel.deliver(reply.subarray(0, 50_000));
    await turn();
    abort.abort(reason);
    expect(await one).toBe(reason);
    channel.deliver(reply.subarray(50_000));
    await other;
    expect(same(memory.subarray(100_000), server.content.subarray(100_000, 200_000))).toBe(true);
    held[0]?.answer();
    await turn();
    expect(memory.subarray(0, 100_000).every((byte) => byte === 0)).toBe(true);
  });

  it.each(modes)('that is aborted while holes and pieces come, %s', async (mode) => {
    const { device, held } = await heldSession({ mode });
    if (mode === 'simple') return;
    const abort = new CountingAbort();
    const target = new Uint8Array(1000).fill(1);
    const chunks: unknown[] = [];
    const onChunk = (chunk: unknown) => void chunks.push(chunk);
    const reading = failure(device.read(0, target, { signal: abort.signal, onChunk }));
    await turn();
    held[0]?.sendPiece({ type: 'data', offset: 0n, length: 100 }, false);
    await turn();
    abort.abort(reason);
    expect(await reading).toBe(reason);
    target.fill(9);
    held[0]?.sendPiece({ type: 'hole', offset: 100n, length: 500 }, false);
    held[0]?.sendPiece({ type: 'data', offset: 600n, length: 400 }, true);
    await turn();
    expect(chunks).toEqual([]);
    expect(target.every((byte) => byte === 9)).toBe(true);
    expect(device.state).toBe('connected');
  });

  it('an answer with an error to an abandoned request has no effect', async () => {
    const { device, held } = await heldSession();
    const abort = new CountingAbort();
    const reading = failure(device.read(0, new Uint8Array(8), { signal: abort.signal }));
    await turn();
    abort.abort(reason);
    await reading;
    held[0]?.fail(5);
    const next = device.flush();
    await turn();
    held[1]?.answer();
    await next;
  });

  it('on a write that the channel still reads: it rejects when the channel has let go', async () => {
    const { device, server } = await openSession();
    const { channel } = server.connection;
    channel.block();
    const abort = new CountingAbort();
    const source = new Uint8Array(100_000).fill(1);
    const writing = device.write(0, source, { signal: abort.signal }) as Promise<void>;
    const state = standing(writing);
    await turn();
    expect(channel.sends).toEqual([100_028]);
    abort.abort(reason);
    await turn();
    expect(state()).toBe('pending');
    channel.unblock();
    expect(await failure(writing)).toBe(reason);
    source.fill(2);
    await turn();
    expect(server.requests[0]?.payload.every((byte) => byte === 1)).toBe(true);
    await device.flush();
  });

  it('on a short write, whose bytes were copied, it rejects at once', async () => {
    const { device, server } = await openSession();
    server.connection.channel.block();
    const abort = new CountingAbort();
    const source = new Uint8Array(100).fill(1);
    const writing = failure(device.write(0, source, { signal: abort.signal }));
    await turn();
    abort.abort(reason);
    expect(await writing).toBe(reason);
    source.fill(2);
    server.connection.channel.unblock();
    await turn();
    expect(server.requests[0]?.payload.every((byte) => byte === 1)).toBe(true);
  });

  it('on a write that the channel still reads, when the connection goes', async () => {
    const { device, server } = await openSession();
    server.connection.channel.block();
    const abort = new CountingAbort();
    const writing = failure(device.write(0, new Uint8Array(100_000), { signal: abort.signal }));
    await turn();
    abort.abort(reason);
    server.connection.hangUp();
    expect(await writing).toBe(reason);
  });

  it('leaves no listener behind, however a call ends', async () => {
    const abort = new CountingAbort();
    const { signal } = abort;
    const { device, server, held } = await heldSession({ multiplexer: { requestsInFlightMax: 2 } });
    const calls = [
      device.read(0, new Uint8Array(8), { signal }),
      device.write(0, new Uint8Array(8), { signal }),
      device.flush({ signal }),
      device.trim(0, 8, { signal }),
      device.blockStatus(0, 8, { signal }),
      device.read(0, new Uint8Array(8), { signal }),
    ].map((call) => Promise.resolve(call).catch(() => {}));
    await turn();
    held[0]?.answer();
    held[1]?.fail(5);
    await turn();
    held[2]?.answer();
    await turn();
    server.connection.hangUp();
    await Promise.all(calls);
    expect(abort.listeners).toBe(0);
  });

  it('of many requests gets few listeners, so that Node does not warn of a leak', async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => void warnings.push(message);
    process.on('warning', onWarning);
    const abort = new CountingAbort();
    const { device } = await openSession({ facts: { blockSizes: { minimum: 1, preferred: 512, maximum: 512 } } });
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => device.read(index, new Uint8Array(5000), { signal: abort.signal })),
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(abort.listenersMax).toBeLessThanOrEqual(10);
    expect(abort.listeners).toBe(0);
  });

  it('ends a call that was split: no further part begins', async () => {
    const abort = new CountingAbort();
    const { device, server, held } = await heldSession({
      facts: { blockSizes: { minimum: 1, preferred: 512, maximum: 512 } },
    });
    const target = new Uint8Array(512 * 100).fill(3);
    const reading = failure(device.read(0, target, { signal: abort.signal }));
    await turn();
    const underWay = held.length;
    abort.abort(reason);
    expect(await reading).toBe(reason);
    for (const request of held) request.answer();
    await turn();
    expect(server.requests).toHaveLength(underWay);
    expect(target.every((byte) => byte === 3)).toBe(true);
  });
});
