/** A server that forgets what was not flushed, in virtual time. */
import { type BlockDevice, WritesLostError } from '@nbdjs/interfaces';
import { Holder } from '@nbdjs/kit';
import { Command, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeRequest, Forgetful, seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type SessionOptions, same, turn } from './session.ts';

async function forgetfulSession(options: SessionOptions = {}) {
  const session = await openSession({
    content: new Uint8Array(4096),
    ...options,
    multiplexer: { reconnectDelayMs: 10_000, ...options.multiplexer },
  });
  return { ...session, forgetful: new Forgetful(session.server) };
}

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('acknowledged writes that were not flushed', () => {
  it('are replayed before anything else', async () => {
    const { device, server, forgetful } = await forgetfulSession();
    await device.write(0, bytes(100, 1));
    await device.write(50, bytes(100, 2));
    await device.writeZeroes(10, 5);
    await device.trim(200, 10);
    forgetful.crash();
    const target = new Uint8Array(150);
    await device.read(0, target);
    const expected = bytes(150, 2);
    expected.fill(1, 0, 50);
    expected.fill(0, 10, 15);
    expect(same(target, expected)).toBe(true);
    const replayed = server.requests.filter(({ connection }) => connection === server.connection);
    expect(replayed.map(({ command }) => command)).toEqual([
      Command.Write,
      Command.WriteZeroes,
      Command.Write,
      Command.Trim,
      Command.Read,
    ]);
    expect(device.statistics.requestsReplayed).toBe(4);
  });

  it('nothing else is sent until the replay is answered', async () => {
    const { device, server, forgetful } = await forgetfulSession();
    await device.write(0, bytes(10, 1));
    const held: FakeRequest[] = [];
    server.onRequest = (request) => void held.push(request);
    forgetful.crash();
    const reading = device.read(0, new Uint8Array(10));
    await turn();
    expect(held.map(({ command }) => command)).toEqual([Command.Write]);
    await turn();
    expect(held).toHaveLength(1);
    held[0]?.answer();
    await turn();
    expect(held.map(({ command }) => command)).toEqual([Command.Write, Command.Read]);
    held[1]?.answer();
    await reading;
  });

  it('a flush that was under way covers them on the new connection', async () => {
    const { device, server, forgetful } = await forgetfulSession();
    await device.write(0, bytes(10, 1));
    server.onRequest = () => {};
    const flushing = device.flush();
    await turn();
    server.onRequest = (request) => forgetful.answer(request);
    forgetful.crash();
    await flushing;
    forgetful.crash();
    expect([...server.content.subarray(0, 3)]).toEqual([1, 1, 1]);
    expect(server.requests.map(({ command }) => command)).toEqual([
      Command.Write,
      Command.Flush,
      Command.Write,
      Command.Flush,
    ]);
  });

  it('what is flushed, or was written with FUA, is not replayed', async () => {
    const { device, server, forgetful } = await forgetfulSession();
    await device.write(0, bytes(10, 1));
    await device.flush();
    await device.write(20, bytes(10, 2), { fua: true });
    forgetful.crash();
    await device.read(0, new Uint8Array(1));
    expect(server.requestsOf(Command.Write)).toHaveLength(2);
  });

  it('what a failed flush has covered is', async () => {
    const { device, server, forgetful } = await forgetfulSession();
    await device.write(0, bytes(10, 1));
    server.onRequest = (request) => request.fail(WireError.Eio);
    expect(await failure(device.flush())).toMatchObject({ code: 'EIO' });
    server.onRequest = (request) => forgetful.answer(request);
    forgetful.crash();
    await device.flush();
    expect(server.content[0]).toBe(1);
  });

  it('a crash during the replay only makes it start over', async () => {
    const { device, server, forgetful } = await forgetfulSession({ multiplexer: { requestsInFlightMax: 2 } });
    for (let index = 0; index < 8; index++) await device.write(index * 100, bytes(10, index + 1));
    let crashes = 3;
    server.onRequest = (request) => {
      forgetful.answer(request);
      if (request.offset === 300n && request.command === Command.Write && crashes-- > 0) forgetful.crash();
    };
    forgetful.crash();
    await device.flush();
    expect(server.connections).toHaveLength(5);
    for (let index = 0; index < 8; index++) expect(server.content[index * 100]).toBe(index + 1);
  });

  it('what cannot be replayed is named by the next flush, once', async () => {
    const { device, server, forgetful } = await forgetfulSession();
    await device.write(0, bytes(10, 1));
    await device.write(100, bytes(10, 1));
    server.onRequest = (request) => {
      if (request.offset === 100n) request.fail(WireError.Enospc, 'full');
      else forgetful.answer(request);
    };
    forgetful.crash();
    expect(await failure(device.flush())).toMatchObject({
      code: 'ERR_NBD_WRITES_LOST',
      ranges: [{ offset: 100n, length: 10n }],
      message: expect.stringContaining('10 bytes at 100'),
    });
    await device.flush();
    await device.close();
  });
});

describe('more than the journal takes', () => {
  const small = { multiplexer: { journal: { bytesMax: 100 } } };

  it('costs nothing as long as the server lives', async () => {
    const { device } = await forgetfulSession(small);
    for (let index = 0; index < 8; index++) await device.write(index * 100, bytes(50, 1));
    await device.flush();
    await device.close();
  });

  it('is named by the next flush when the server was lost, by all that are under way', async () => {
    const { device, forgetful } = await forgetfulSession(small);
    for (let index = 0; index < 3; index++) await device.write(index * 100, bytes(50, 1));
    forgetful.crash();
    const errors = await Promise.all([failure(device.flush()), failure(device.flush())]);
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'ERR_NBD_WRITES_LOST',
        ranges: [{ offset: 0n }, { offset: 100n }, { offset: 200n }],
      });
    }
    // The caller that got the report writes again, and can flush that.
    await device.write(0, bytes(50, 1));
    await device.flush();
    await device.close();
  });

  it('is reported by close when no caller flushes', async () => {
    const { device, server, clock, forgetful } = await forgetfulSession(small);
    for (let index = 0; index < 3; index++) await device.write(index * 100, bytes(50, 1));
    forgetful.crash();
    await device.read(0, new Uint8Array(1));
    expect(await failure(device.close())).toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
    expect(device.state).toBe('closed');
    expect(server.connection.hasDisconnected).toBe(true);
    expect(clock.pending).toBe(0);
    // Every further call has the same answer.
    expect(await failure(device.close())).toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
  });

  it('makes writes wait for a flush when told so, and nothing is ever lost', async () => {
    const { device, server, forgetful } = await forgetfulSession({
      multiplexer: { journal: { bytesMax: 400, whenFull: 'flush' }, requestsInFlightMax: 4 },
    });
    const model = server.content.slice();
    for (let index = 0; index < 100; index++) {
      const source = bytes(60, index + 1);
      await device.write((index * 37) % 4000, source);
      model.set(source, (index * 37) % 4000);
      if (index % 7 === 0) forgetful.crash();
    }
    await device.flush();
    expect(same(server.content, model)).toBe(true);
    expect(server.requestsOf(Command.Flush).length).toBeGreaterThan(10);
    await device.close();
  });

  it('waits at the bound, not only at the half: what is in flight is bounded too', async () => {
    const { device, server } = await forgetfulSession({
      multiplexer: { journal: { bytesMax: 400, whenFull: 'flush' }, requestsInFlightMax: 2 },
    });
    const flushes: FakeRequest[] = [];
    let written = 0;
    server.onRequest = (request) => {
      if (request.command === Command.Flush) flushes.push(request);
      else {
        written += request.payload.length;
        request.answer();
      }
    };
    const writes = Array.from({ length: 20 }, (_, index) => device.write(index * 100, bytes(100, 1)));
    for (let round = 0; round < 30; round++) await turn();
    expect(flushes).toHaveLength(1);
    expect(written).toBeLessThanOrEqual(400 + 2 * 100);
    server.onRequest = undefined;
    flushes[0]?.answer();
    await Promise.all(writes);
    await device.close();
  });

  it('a flush of our own that fails makes the next one fail', async () => {
    const { device, server } = await forgetfulSession({
      multiplexer: { journal: { bytesMax: 100, whenFull: 'flush' } },
    });
    server.onRequest = (request) => {
      if (request.command === Command.Flush) request.fail(WireError.Eio, 'the disk is gone');
      else request.answer();
    };
    await device.write(0, bytes(60, 1));
    await device.write(0, bytes(60, 1));
    await turn();
    server.onRequest = undefined;
    expect(await failure(device.flush())).toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('the disk is gone'),
    });
    await device.flush();
    await device.close();
  });
});

describe('close', () => {
  it('replays and flushes what is at risk when the connection was lost meanwhile', async () => {
    const { device, server, clock, forgetful } = await forgetfulSession();
    await device.write(0, bytes(10, 7));
    forgetful.crash();
    await turn();
    await device.close();
    expect(server.content[0]).toBe(7);
    expect(clock.pending).toBe(0);
  });

  it('names what is lost when there is no server any more', async () => {
    const { device, server, clock, forgetful } = await forgetfulSession({ multiplexer: { closeMs: 2000 } });
    await device.write(0, bytes(10, 7));
    server.connector.down();
    forgetful.crash();
    await turn();
    const closing = failure(device.close());
    await clock.advance(2000);
    expect(await closing).toMatchObject({ code: 'ERR_NBD_WRITES_LOST', ranges: [{ offset: 0n, length: 10n }] });
    expect(clock.pending).toBe(0);
  });

  it('names what is lost when the server broke the rules', async () => {
    const { device, server } = await forgetfulSession();
    await device.write(0, bytes(10, 7));
    server.connection.send(new TextEncoder().encode('not an answer at all'));
    await turn();
    expect(await failure(device.close())).toMatchObject({
      code: 'ERR_NBD_WRITES_LOST',
      cause: { code: 'ERR_NBD_PROTOCOL' },
    });
  });

  it('says nothing after destroy: that was asked for', async () => {
    const { device } = await forgetfulSession();
    await device.write(0, bytes(10, 7));
    device.destroy();
    await device.close();
  });
});

describe('no journal', () => {
  const withoutFlush = { facts: { transmissionFlags: allTransmissionFlags & ~TransmissionFlag.SendFlush } };
  const cases = [
    ['when it is off', { multiplexer: { journal: false } }],
    ['without a reconnect delay', { multiplexer: { reconnectDelayMs: 0 } }],
    ['where the server has no FLUSH', withoutFlush],
  ] as const;

  /** After a write of 10 bytes, the server is another run of itself. */
  async function restarted(options: Parameters<typeof forgetfulSession>[0]) {
    const session = await forgetfulSession(options);
    const { device, forgetful } = session;
    await device.write(0, bytes(10, 7));
    forgetful.crash();
    await turn();
    // Without a reconnect delay this only gives a nudge.
    await device.read(0, new Uint8Array(1)).catch(() => {});
    await device.read(0, new Uint8Array(1));
    return session;
  }

  it.each(cases)('%s: what the server forgets is forgotten', async (_, options) => {
    const { device, server } = await restarted(options);
    expect(server.content[0]).toBe(0);
    expect(server.requestsOf(Command.Write)).toHaveLength(1);
    await device.close().catch(() => {});
  });

  it.each(cases.slice(0, 2))('D7: %s: the next flush does not succeed, and tells what is lost', async (_, options) => {
    const { device } = await restarted(options);
    await expect(device.flush()).rejects.toMatchObject({
      code: 'ERR_NBD_WRITES_LOST',
      ranges: [{ offset: 0n, length: 10n }],
    });
    await device.flush();
    await device.close();
  });

  it.each(cases.slice(0, 2))('D7: %s: closing tells what no flush has told', async (_, options) => {
    const { device } = await restarted(options);
    await expect(device.close()).rejects.toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
  });

  it('D7: what was flushed, or was written through, is not lost, nor is what was trimmed', async () => {
    const { device, forgetful } = await forgetfulSession({ multiplexer: { reconnectDelayMs: 0 } });
    await device.write(0, bytes(10, 7));
    await device.flush();
    await device.write(100, bytes(10, 7), { fua: true });
    await device.trim(200, 100);
    forgetful.crash();
    await turn();
    await device.read(0, new Uint8Array(1)).catch(() => {});
    await device.flush();
    await device.close();
  });

  it('D7: a flush that fails for want of a connection has told nothing of what is lost', async () => {
    const { device, forgetful, server } = await forgetfulSession({ multiplexer: { reconnectDelayMs: 0 } });
    await device.writeZeroes(0, 4096);
    forgetful.crash();
    await turn();
    await expect(device.flush()).rejects.not.toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
    await expect.poll(() => server.connections.length).toBe(2);
    await expect(device.flush()).rejects.toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
    await device.flush();
    await device.close();
  });
});

describe('those who share a device', () => {
  it('D7: each of them gets a loss reported, once, with any order of flushes', async () => {
    const { device, forgetful } = await forgetfulSession({ multiplexer: { reconnectDelayMs: 0 } });
    const [one, other] = [new Holder(device), new Holder(device)];
    await device.write(0, bytes(10, 7));
    forgetful.crash();
    await turn();
    await device.read(0, new Uint8Array(1)).catch(() => {});
    await device.read(0, new Uint8Array(1));
    const early = new Holder(device);
    await expect(one.flush()).rejects.toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
    const late = new Holder(device);
    await one.flush();
    await expect(other.flush()).rejects.toMatchObject({ ranges: [{ offset: 0n, length: 10n }] });
    await other.flush();
    // No report had been made when this one came, so it may continue the work of the caller that has written.
    await expect(early.flush()).rejects.toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
    await late.flush();
    await device.close();
  });

  it('D7: a flush that the server has failed is told to each of them', async () => {
    const { device, server } = await openSession({ facts: { transmissionFlags: allTransmissionFlags } });
    const [one, other] = [new Holder(device), new Holder(device)];
    server.onRequest = (request) => {
      if (request.command === Command.Flush) request.fail(5);
      else request.answer();
      server.onRequest = undefined;
    };
    await expect(one.flush()).rejects.toMatchObject({ code: 'EIO' });
    await one.flush();
    await expect(other.flush()).rejects.toMatchObject({ code: 'EIO' });
    await other.flush();
    await device.close();
  });
});

describe.each([true, false])('fifty crashes at random, journal: %s', (journal) => {
  it('what is left is what was acknowledged', async () => {
    let wrongBytes = 0;
    let tellings = 0;
    const flush = async (device: BlockDevice): Promise<void> => {
      try {
        await device.flush();
      } catch (error) {
        if (!(error instanceof WritesLostError)) throw error;
        tellings++;
      }
    };
    for (const seed of [1, 2, 3]) {
      const random = seededRandom(seed);
      const { device, server, clock, forgetful } = await forgetfulSession({ multiplexer: { journal } });
      const model = new Uint8Array(4096);
      const lanes = [0, 1, 2, 3].map(async (lane) => {
        for (let step = 0; step < 500; step++) {
          // Lanes keep to places of their own, so that there is an order to speak of.
          const offset = lane * 1024 + Math.floor(random() * 900);
          const length = 1 + Math.floor(random() * 100);
          const what = random();
          const fua = random() < 0.1;
          if (what < 0.7) {
            const source = bytes(length, 1 + Math.floor(random() * 255));
            await device.write(offset, source, { fua });
            model.set(source, offset);
          } else if (what < 0.9) {
            await device.writeZeroes(offset, length, { fua });
            model.fill(0, offset, offset + length);
          } else {
            await flush(device);
          }
        }
      });
      let crashes = 0;
      const crashing = (async () => {
        while (crashes < 50) {
          for (let count = Math.floor(random() * 12); count >= 0; count--) await turn();
          forgetful.crash();
          crashes++;
          await clock.advance(1);
        }
      })();
      await Promise.all(lanes.concat(crashing));
      await flush(device);
      forgetful.crash();
      wrongBytes += model.filter((value, index) => server.content[index] !== value).length;
      await device.close().catch(() => {});
      expect(clock.pending).toBe(0);
    }
    // Without the journal the loss must show, or this test could not fail.
    if (journal) expect({ wrongBytes, tellings }).toEqual({ wrongBytes: 0, tellings: 0 });
    else expect(wrongBytes).toBeGreaterThan(100);
    if (!journal) expect(tellings).toBeGreaterThanOrEqual(3);
  });
});
