/** Writes whose memory is lent until they need no replay any more. */
import { Command, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeRequest, Forgetful, seededRandom } from '@nbdjs/testkit';
import { describe, expect, it, vi } from 'vitest';
import { failure, openSession, type Session, type SessionOptions, same, turn } from './session.ts';

const size = 4096;

async function retainingSession(options: SessionOptions = {}) {
  const session = await openSession({
    content: new Uint8Array(size),
    ...options,
    multiplexer: { reconnectDelayMs: 10_000, ...options.multiplexer },
  });
  return { ...session, forgetful: new Forgetful(session.server) };
}

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

/** Writes, and returns what is told that the memory is free. */
async function retain({ device }: Pick<Session, 'device'>, offset: number, source: Uint8Array, fua = false) {
  const released = vi.fn();
  await device.retainedWrites.writeRetained(offset, source, released, { fua });
  await turn();
  return released;
}

describe('memory that is lent to a write', () => {
  it('is released by the flush that covers it, and not by an earlier one', async () => {
    const session = await retainingSession();
    const held: FakeRequest[] = [];
    const first = await retain(session, 0, bytes(10, 1));
    session.server.onRequest = (request) => {
      if (request.command === Command.Flush) held.push(request);
      else request.answer();
    };
    const flushing = session.device.flush();
    await turn();
    const second = await retain(session, 100, bytes(10, 2));
    expect(first).not.toHaveBeenCalled();
    held[0]?.answer();
    await flushing;
    expect(first).toHaveBeenCalledTimes(1);
    expect(second).not.toHaveBeenCalled();
    session.server.onRequest = undefined;
    await session.device.flush();
    expect(second).toHaveBeenCalledTimes(1);
    await session.device.close();
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  });

  it('is what a replay sends, without a copy', async () => {
    const session = await retainingSession();
    const source = bytes(10, 1);
    const released = await retain(session, 0, source);
    // No caller may do that; it shows which memory is read.
    source[3] = 9;
    session.forgetful.crash();
    await session.device.flush();
    expect([...session.server.content.subarray(0, 5)]).toEqual([1, 1, 1, 9, 1]);
    expect(released).toHaveBeenCalledTimes(1);
  });

  it('is kept while a replay that it is needed for is cut off', async () => {
    const session = await retainingSession();
    const released = await retain(session, 0, bytes(10, 1));
    const held: FakeRequest[] = [];
    session.server.onRequest = (request) => void held.push(request);
    session.forgetful.crash();
    const flushing = session.device.flush();
    await turn();
    await turn();
    expect(held.map(({ command }) => command)).toEqual([Command.Write]);
    session.server.onRequest = (request) => session.forgetful.answer(request);
    session.forgetful.crash();
    expect(released).not.toHaveBeenCalled();
    await flushing;
    expect(released).toHaveBeenCalledTimes(1);
    expect(session.server.content[0]).toBe(1);
  });

  it.each([
    ['with FUA', {}, true],
    ['without a reconnect delay', { multiplexer: { reconnectDelayMs: 0 } }, false],
    ['without a journal', { multiplexer: { journal: false } }, false],
    [
      'to a server without FLUSH',
      { facts: { transmissionFlags: allTransmissionFlags & ~TransmissionFlag.SendFlush } },
      false,
    ],
  ] as const)('is released when the call settles: %s', async (_, options, fua) => {
    const session = await retainingSession(options);
    expect(await retain(session, 0, bytes(10, 1), fua)).toHaveBeenCalledTimes(1);
    await session.device.close();
  });

  it('is released when the write fails, is refused, or is of no bytes', async () => {
    const { device, server } = await retainingSession();
    server.onRequest = (request) => request.fail(WireError.Eio);
    for (const [offset, length] of [
      [0, 10],
      [size, 1],
      [-1, 1],
    ] as const) {
      const released = vi.fn();
      await failure(device.retainedWrites.writeRetained(offset, bytes(length, 1), released));
      await turn();
      expect(released).toHaveBeenCalledTimes(1);
    }
    expect(await retain({ device }, 0, bytes(0, 1))).toHaveBeenCalledTimes(1);
  });

  it('is released when the journal gives up', async () => {
    const session = await retainingSession({ multiplexer: { journal: { bytesMax: 100 } } });
    const first = await retain(session, 0, bytes(60, 1));
    expect(first).not.toHaveBeenCalled();
    const second = await retain(session, 100, bytes(60, 1));
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
  });

  it('is released when later writes have covered all of it, and room is needed', async () => {
    const session = await retainingSession({ multiplexer: { journal: { bytesMax: 130 } } });
    const whole = await retain(session, 0, bytes(60, 1));
    const cover = await retain(session, 0, bytes(50, 2));
    expect(whole).not.toHaveBeenCalled();
    await retain(session, 200, bytes(40, 3));
    // What is left of the first one is a copy.
    expect(whole).toHaveBeenCalledTimes(1);
    expect(cover).not.toHaveBeenCalled();
    session.forgetful.crash();
    await session.device.flush();
    const expected = bytes(60, 1);
    expected.fill(2, 0, 50);
    expect(same(session.server.content.subarray(0, 60), expected)).toBe(true);
    expect(cover).toHaveBeenCalledTimes(1);
  });

  it.each(['close', 'destroy'] as const)('is released by %s', async (call) => {
    const session = await retainingSession();
    const released = await retain(session, 0, bytes(10, 1));
    expect(released).not.toHaveBeenCalled();
    await session.device[call]();
    await turn();
    expect(released).toHaveBeenCalledTimes(1);
  });

  it('is released when the device ends by an error, and what it held is named', async () => {
    const session = await retainingSession({ multiplexer: { reconnects: false } });
    const released = await retain(session, 0, bytes(10, 1));
    session.forgetful.crash();
    await session.device.closed;
    await turn();
    expect(released).toHaveBeenCalledTimes(1);
    expect(await failure(session.device.close())).toMatchObject({ ranges: [{ offset: 0n, length: 10n }] });
  });

  it('of a write in several parts is released once, by the last of them', async () => {
    const session = await retainingSession({ facts: { blockSizes: { minimum: 1, preferred: 512, maximum: 512 } } });
    const released = await retain(session, 0, bytes(2000, 1));
    expect(session.server.requestsOf(Command.Write)).toHaveLength(4);
    expect(released).not.toHaveBeenCalled();
    session.forgetful.crash();
    await session.device.flush();
    expect(released).toHaveBeenCalledTimes(1);
    expect(same(session.server.content.subarray(0, 2000), bytes(2000, 1))).toBe(true);
  });
});

describe.each([
  ['lent until it is released', true],
  ['lent until the call settles', false],
] as const)('memory that is %s, and overwritten then', (_, retains) => {
  it.each([
    ['with room', {}],
    ['with little room', { journal: { bytesMax: 700, whenFull: 'flush' } }],
  ] as const)('never spoils a replay, in fifty crashes at random, %s', async (_name, multiplexer) => {
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      const session = await retainingSession({ multiplexer });
      const { device, server, clock, forgetful } = session;
      const model = new Uint8Array(size);
      let lent = 0;
      const write = async (offset: number, length: number, fua: boolean): Promise<void> => {
        const value = 1 + Math.floor(random() * 254);
        const source = bytes(length, value);
        const released = (): void => {
          lent--;
          source.fill(0xff);
        };
        lent++;
        if (retains) await device.retainedWrites.writeRetained(offset, source, released, { fua });
        else await device.write(offset, source, { fua }).finally(released);
        model.fill(value, offset, offset + length);
      };
      const lanes = [0, 1, 2, 3].map(async (lane) => {
        for (let step = 0; step < 300; step++) {
          const offset = lane * 1024 + Math.floor(random() * 900);
          const length = 1 + Math.floor(random() * 100);
          const what = random();
          if (what < 0.8) await write(offset, length, random() < 0.1);
          else if (what < 0.9) {
            await device.writeZeroes(offset, length);
            model.fill(0, offset, offset + length);
          } else await device.flush();
        }
      });
      const crashing = (async () => {
        for (let crashes = 0; crashes < 50; crashes++) {
          for (let count = Math.floor(random() * 12); count >= 0; count--) await turn();
          forgetful.crash();
          await clock.advance(1);
        }
      })();
      await Promise.all(lanes.concat(crashing));
      await device.flush();
      forgetful.crash();
      expect(same(server.content, model)).toBe(true);
      await turn();
      expect(lent).toBe(0);
      await device.close();
    }
  });
});
