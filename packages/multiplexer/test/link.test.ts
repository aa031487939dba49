/** How connections come and go, in virtual time. */
import {
  ConnectError,
  ConnectionLostError,
  type ExportFacts,
  NegotiationError,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import { Command, TransmissionFlag } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, makeSession, openSession, type SessionOptions, standing, turn } from './session.ts';

const byte = () => new Uint8Array(1);
const refused = new ConnectError('ERR_NBD_REFUSED', 'no server listens');

const waiting = { multiplexer: { reconnectDelayMs: 10_000 } };

/** A session whose connection has just been lost. */
async function lostSession(options: SessionOptions = waiting) {
  const session = await openSession(options);
  session.server.connector.down(refused);
  session.server.connection.hangUp();
  await turn();
  return session;
}

describe('open', () => {
  it('makes the first connection, and tells what was settled', async () => {
    const { device, server } = makeSession();
    expect(device.state).toBe('connecting-wait');
    const facts = await device.open();
    expect(facts).toEqual(server.facts);
    expect(device.facts).toEqual(server.facts);
    expect(device.state).toBe('connected');
    expect(device.geometry).toEqual({
      size: 262_144n,
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: 32 * 1024 * 1024,
    });
    expect(device.abilities).toMatchObject({ flush: true, fastZero: true, contexts: ['base:allocation'] });
  });

  it('before it, nothing may be asked', async () => {
    const { device } = makeSession();
    const state = { code: 'ERR_NBD_STATE' };
    expect(await failure(device.read(0, byte()))).toMatchObject(state);
    expect(await failure(device.write(0, byte()))).toMatchObject(state);
    expect(await failure(device.flush())).toMatchObject(state);
    expect(await failure(device.blockStatus(0, 1))).toMatchObject(state);
    expect(() => device.facts).toThrow(expect.objectContaining(state));
    expect(() => device.geometry).toThrow(UsageError);
    expect(() => device.abilities).toThrow(UsageError);
  });

  it('may succeed only once', async () => {
    const { device } = await openSession();
    expect(await failure(device.open())).toMatchObject({ code: 'ERR_NBD_STATE' });
  });

  it('may not be called twice at a time', async () => {
    const { device, server } = makeSession({ multiplexer: { openTimeoutMs: 1000 } });
    server.connector.down();
    const first = device.open();
    expect(await failure(device.open())).toMatchObject({ code: 'ERR_NBD_STATE' });
    server.connector.up();
    await first;
  });

  it('without an open timeout tries once, and may be tried again', async () => {
    const { device, server, clock } = makeSession();
    server.connector.down(refused);
    expect(await failure(device.open())).toBe(refused);
    expect(server.connector.calls).toEqual([true]);
    expect(clock.pending).toBe(0);
    server.connector.up();
    await device.open();
    expect(device.state).toBe('connected');
  });

  it('with an open timeout goes on until it is over, and fails with the last error', async () => {
    const { device, server, clock } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    server.connector.down(refused);
    const opening = failure(device.open());
    await clock.advance(4999);
    expect(server.connector.isRetrying).toBe(true);
    expect(server.connector.isWaitedFor).toBe(true);
    await clock.advance(1);
    expect(await opening).toBe(refused);
    expect(clock.pending).toBe(0);
  });

  it('fails with a timeout when there was no error to tell', async () => {
    const { device, server, clock } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    server.connector.down(new ConnectError('ERR_NBD_CONNECT_NONE_YET', 'the first attempt is under way'));
    const opening = failure(device.open());
    await clock.advance(5000);
    const error = await opening;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ phase: 'open' });
  });

  it('takes a connection that is ready at the last moment', async () => {
    const { device, server, clock } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    server.connector.down(refused);
    const opening = device.open();
    await clock.advance(4999);
    server.connector.prepare();
    await clock.advance(1);
    await opening;
    expect(device.state).toBe('connected');
  });

  it('turns retrying on once a connection has stood', async () => {
    const { server } = await openSession();
    expect(server.connector.isRetrying).toBe(true);
  });

  it('rejects with the reason of its signal: before, and while it waits', async () => {
    const reason = new Error('enough');
    const { device, server, clock } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    expect(await failure(device.open({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    server.connector.down(refused);
    const abort = new AbortController();
    const opening = failure(device.open({ signal: abort.signal }));
    await clock.advance(100);
    abort.abort(reason);
    expect(await opening).toBe(reason);
    expect(clock.pending).toBe(0);
    server.connector.up();
    await device.open();
  });

  it.each([
    ['close', (device: Awaited<ReturnType<typeof openSession>>['device']) => device.close()],
    ['destroy', (device: Awaited<ReturnType<typeof openSession>>['device']) => device.destroy()],
  ])('%s while opening ends it', async (_, end) => {
    const { device, server, clock } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    server.connector.down(refused);
    const opening = failure(device.open());
    await turn();
    await end(device);
    expect(await opening).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(device.state).toBe('closed');
    expect(await device.closed).toBeUndefined();
    expect(server.connector.isReleased).toBe(true);
    expect(clock.pending).toBe(0);
    expect(await failure(device.open())).toMatchObject({ code: 'ERR_NBD_CLOSED' });
  });

  it('a connection that comes too late is not kept', async () => {
    const { device, server } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    server.connector.down(refused);
    const opening = failure(device.open());
    await turn();
    server.connector.up();
    // Established, but no event was published yet.
    device.destroy();
    expect(await opening).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    await turn();
    expect(server.connections).toHaveLength(1);
    expect(server.connection.channel.isDestroyed).toBe(true);
  });

  it('bytes behind the handshake that answer nothing are a violation', async () => {
    const { device, server } = makeSession({ excess: new TextEncoder().encode('hello, client') });
    expect(await failure(device.open())).toMatchObject({ violation: 'bad-reply-magic' });
    expect(await device.closed).toMatchObject({ violation: 'bad-reply-magic' });
    expect(server.connection.channel.isDestroyed).toBe(true);
  });

  it('the first bytes of a reply may come with the handshake, if only its rest comes later', async () => {
    const { device, server } = makeSession({ excess: new Uint8Array([0x67, 0x44]), mode: 'simple' });
    await device.open();
    expect(device.state).toBe('connected');
    server.connection.hangUp();
    await turn();
    expect(await failure(device.read(0, byte()))).toBeInstanceOf(Error);
  });
});

describe('the connection is lost', () => {
  it('connected -> connecting-wait, with a reconnect delay; at once, although there is no request', async () => {
    const { device, server, clock } = await lostSession();
    expect(device.state).toBe('connecting-wait');
    // Nothing runs for a connection at rest.
    expect(server.connector.calls).toEqual([true]);
    expect(clock.pending).toBe(0);
  });

  it('connected -> connecting-nowait, without one', async () => {
    const { device, server } = await lostSession({});
    expect(device.state).toBe('connecting-nowait');
    expect(server.connector.calls).toEqual([true]);
  });

  it('requests in flight fail without a reconnect delay: whether they were carried out is unknown', async () => {
    for (const cause of [undefined, new Error('ECONNRESET')]) {
      const { device, server } = await openSession({ onRequest: () => {} });
      const failures = [failure(device.read(0, byte())), failure(device.write(0, byte())), failure(device.flush())];
      await turn();
      server.connection.hangUp(cause);
      for (const error of await Promise.all(failures)) {
        expect(error).toBeInstanceOf(ConnectionLostError);
        expect(error).toMatchObject({ outcome: 'unknown' });
        expect((error as ConnectionLostError).cause).toBe(cause);
      }
    }
  });

  it('an end in the middle of a reply is told as such', async () => {
    const { device, server } = await openSession({ onRequest: () => {} });
    const reading = failure(device.read(0, byte()));
    await turn();
    server.connection.send(new Uint8Array([0x66, 0x8e, 0x33, 0xef, 0]));
    server.connection.hangUp();
    expect(await reading).toMatchObject({ cause: { message: expect.stringContaining('in the middle of a reply') } });
  });

  it('requests that were not sent, because the channel was blocked, go by the next connection behind those that were', async () => {
    const { device, server } = await openSession({ ...waiting });
    server.connection.channel.block();
    const first = device.write(0, Uint8Array.of(76));
    await turn();
    const second = device.write(1, Uint8Array.of(77));
    await turn();
    server.connection.hangUp();
    await Promise.all([first, second]);
    expect(server.connections).toHaveLength(2);
    expect([...server.content.subarray(0, 2)]).toEqual([76, 77]);
    expect(server.requests.map(({ offset }) => offset)).toEqual([0n, 1n]);
  });
});

describe('connecting-wait', () => {
  it('-> connected: the first request asks for a connection, and all that wait go by it, in order', async () => {
    const { device, server, clock } = await lostSession();
    const reads = [0, 1, 2].map((offset) => device.read(offset, byte()));
    await clock.advance(5000);
    expect(server.connector.calls).toEqual([true, true]);
    expect(device.state).toBe('connecting-wait');
    expect(clock.pending).toBe(1);
    server.connector.up();
    await Promise.all(reads);
    expect(device.state).toBe('connected');
    expect(clock.pending).toBe(0);
    expect(server.requests.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
    expect(device.statistics.connections).toBe(2);
  });

  it('-> connecting-nowait when the reconnect delay is over, and those who wait learn why', async () => {
    const { device, server, clock } = await lostSession();
    const reads = [0, 1, 2].map((offset) => failure(device.read(offset, byte())));
    await clock.advance(9999);
    expect(device.state).toBe('connecting-wait');
    await clock.advance(1);
    expect(device.state).toBe('connecting-nowait');
    const errors = await Promise.all(reads);
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    expect(new Set(errors).size).toBe(3);
    expect(server.connector.calls).toEqual([true, true, false]);
    expect(clock.pending).toBe(0);
  });

  it('the delay counts from the first request that waits', async () => {
    const { device, server, clock } = await lostSession();
    await clock.advance(60_000);
    expect(device.state).toBe('connecting-wait');
    const reading = standing(device.read(0, byte()) as Promise<void>);
    await clock.advance(9000);
    const later = standing(device.read(0, byte()) as Promise<void>);
    await clock.advance(999);
    expect([reading(), later()]).toEqual(['pending', 'pending']);
    await clock.advance(1);
    expect([reading(), later()]).toEqual(['rejected', 'rejected']);
    expect(server.connector.calls).toEqual([true, true, false]);
  });

  it('-> connected at the last moment, when a connection is ready', async () => {
    const { device, server, clock } = await lostSession();
    const reading = device.read(0, byte());
    await clock.advance(9999);
    server.connector.prepare();
    await clock.advance(1);
    await reading;
    expect(device.state).toBe('connected');
  });

  it('a permanent error fails those who wait at once, and the next request tries again', async () => {
    const { device, server, clock } = await lostSession();
    const reading = failure(device.read(0, byte()));
    await turn();
    const unknown = new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', 'no such export');
    server.connector.fail(unknown);
    expect(await reading).toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
    expect(device.state).toBe('connecting-wait');
    expect(clock.pending).toBe(0);
    const next = device.read(0, byte());
    await turn();
    server.connector.up();
    await next;
  });

  it('a request that is abandoned while it waits rejects at once; the others wait on', async () => {
    const { device, server } = await lostSession();
    const abort = new AbortController();
    const reason = new Error('enough');
    const abandoned = failure(device.read(0, byte(), { signal: abort.signal }));
    const other = device.read(1, byte());
    await turn();
    abort.abort(reason);
    expect(await abandoned).toBe(reason);
    server.connector.up();
    await other;
    expect(server.requests.map(({ offset }) => offset)).toEqual([1n]);
  });

  it('survives many losses in a row', async () => {
    const { device, server } = await openSession(waiting);
    for (let round = 0; round < 20; round++) {
      server.connection.hangUp();
      await turn();
      await device.read(round, byte());
    }
    expect(server.connections).toHaveLength(21);
    expect(device.statistics.connections).toBe(21);
  });

  it('a server that hangs up on each request does not make it spin, and is given up when the delay is over', async () => {
    const { device, server, clock } = await openSession({
      ...waiting,
      onRequest: (request) => request.connection.hangUp(),
    });
    const failures = Promise.all(Array.from({ length: 5 }, (_, index) => failure(device.read(index, byte()))));
    await turn();
    expect(server.connections).toHaveLength(2);
    // Pauses of 250, 500, 1000, 2000 and 4000 ms.
    await clock.advance(9999);
    expect(server.connections).toHaveLength(7);
    await clock.advance(1);
    for (const error of await failures) {
      expect(error).toBeInstanceOf(ConnectionLostError);
      expect(error).toMatchObject({ outcome: 'unknown' });
    }
    expect(clock.pending).toBe(0);
  });

  it('the pauses begin anew when a connection has been of use', async () => {
    const { device, server, clock } = await openSession({
      ...waiting,
      onRequest: (request) => request.connection.hangUp(),
    });
    const reading = device.read(0, byte());
    await clock.advance(250 + 500 + 1000);
    server.onRequest = undefined;
    await clock.advance(2000);
    await reading;
    expect(server.connections).toHaveLength(6);
    server.onRequest = (request) => request.connection.hangUp();
    const next = device.read(0, byte());
    await turn();
    expect(server.connections).toHaveLength(8);
    server.onRequest = undefined;
    await clock.advance(250);
    await next;
    expect(server.connections).toHaveLength(9);
  });
});

describe('connecting-nowait', () => {
  it('requests fail at once, and each gives the connector a nudge', async () => {
    const { device, server } = await lostSession({});
    for (let round = 0; round < 3; round++) {
      expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    }
    expect(server.connector.calls).toEqual([true, false, false, false]);
    expect(device.state).toBe('connecting-nowait');
  });

  it('-> connected, as soon as a connection is ready', async () => {
    const { device, server } = await lostSession({});
    expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    server.connector.prepare();
    await device.read(0, byte());
    expect(device.state).toBe('connected');
  });

  it('requests of one turn share the answer', async () => {
    const { device, server } = await lostSession({});
    const errors = await Promise.all([0, 1, 2].map((offset) => failure(device.read(offset, byte()))));
    expect(new Set(errors).size).toBe(3);
    expect(server.connector.calls).toEqual([true, false]);
  });
});

describe('closed', () => {
  const connecting = async () => {
    const session = await lostSession();
    const reading = failure(session.device.read(0, byte()));
    await turn();
    return { ...session, reading };
  };

  it.each([
    ['close', (device: Awaited<ReturnType<typeof openSession>>['device']) => device.close()],
    ['destroy', (device: Awaited<ReturnType<typeof openSession>>['device']) => device.destroy()],
  ])('connecting-wait -> closed by %s: those who wait fail', async (name, end) => {
    const { device, server, clock, reading } = await connecting();
    const ending = end(device);
    // What is under way is waited for, as long as that may take.
    if (name === 'close') await clock.advance(10_000);
    await ending;
    expect(await reading).toBeInstanceOf(Error);
    expect(device.state).toBe('closed');
    expect(server.connector.isReleased).toBe(true);
    expect(server.connector.isWaitedFor).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('connecting-nowait -> closed', async () => {
    const { device, server, clock } = await lostSession({});
    await device.close();
    expect(device.state).toBe('closed');
    expect(await device.closed).toBeUndefined();
    expect(server.connector.isReleased).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('a connection that comes too late is let go', async () => {
    const { device, server, reading } = await connecting();
    server.connector.up();
    device.destroy();
    await reading;
    await turn();
    expect(server.connections).toHaveLength(2);
    expect(server.connection.channel.isDestroyed || server.connection.hasDisconnected).toBe(true);
    expect(server.requests).toEqual([]);
  });

  it('a violation is final, even with a reconnect delay', async () => {
    const { device, server } = await openSession({
      ...waiting,
      onRequest: (request) => request.connection.send(new Uint8Array(20)),
    });
    expect(await failure(device.read(0, byte()))).toMatchObject({ cause: { violation: 'bad-reply-magic' } });
    expect(device.state).toBe('closed');
    expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(server.connections).toHaveLength(1);
  });
});

describe('facts after a reconnect', () => {
  const blockSizes = { minimum: 512, preferred: 4096, maximum: 65_536 };
  const base: Partial<ExportFacts> = {
    blockSizes,
    contexts: [
      { name: 'base:allocation', id: 7 },
      { name: 'qemu:dirty-bitmap:a', id: 8 },
    ],
  };
  const without = (flag: number) => ({ transmissionFlags: allTransmissionFlags & ~flag });

  it.each<readonly [string, Partial<ExportFacts>, string]>([
    ['another size', { size: 262_145n }, '262145 bytes instead of 262144'],
    ['a smaller size', { size: 1n }, '1 bytes instead of 262144'],
    ['no flush', without(TransmissionFlag.SendFlush), 'SEND_FLUSH'],
    ['no fua', without(TransmissionFlag.SendFua), 'SEND_FUA'],
    ['no trim', without(TransmissionFlag.SendTrim), 'SEND_TRIM'],
    ['no zeroes', without(TransmissionFlag.SendWriteZeroes), 'SEND_WRITE_ZEROES'],
    ['no fast zeroes', without(TransmissionFlag.SendFastZero), 'SEND_FAST_ZERO'],
    ['no cache', without(TransmissionFlag.SendCache), 'SEND_CACHE'],
    ['no DF', without(TransmissionFlag.SendDf), 'SEND_DF'],
    ['read-only', { transmissionFlags: allTransmissionFlags | TransmissionFlag.ReadOnly }, 'read-only'],
    ['larger blocks', { blockSizes: { ...blockSizes, minimum: 4096 } }, '4096 bytes instead of 512'],
    ['shorter payloads', { blockSizes: { ...blockSizes, maximum: 32_768 } }, '32768 bytes instead of 65536'],
    ['one context less', { contexts: [{ name: 'base:allocation', id: 7 }] }, 'qemu:dirty-bitmap:a'],
    ['other headers', { mode: 'extended' }, 'extended headers instead of structured'],
  ])('%s is a permanent error', async (_, change, words) => {
    const { device, server, clock } = await openSession({ ...waiting, facts: base });
    server.facts = { ...server.facts, ...change };
    server.connection.hangUp();
    await turn();
    const error = await failure(device.read(0, new Uint8Array(512)));
    expect(error).toBeInstanceOf(NegotiationError);
    expect(error).toMatchObject({ code: 'ERR_NBD_FACTS_CHANGED', permanent: true });
    expect((error as Error).message).toContain(words);
    expect(device.state).toBe('closed');
    expect(await device.closed).toMatchObject({ code: 'ERR_NBD_FACTS_CHANGED' });
    await turn();
    // G4: no rule was broken, so the connection ends in order.
    expect(server.connection.hasDisconnected).toBe(true);
    expect(server.connection.channel.isDestroyed).toBe(true);
    expect(server.requests.filter(({ command }) => command !== Command.Disconnect)).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it.each<readonly [string, Partial<ExportFacts>]>([
    ['smaller blocks', { blockSizes: { ...blockSizes, minimum: 1 } }],
    ['longer payloads', { blockSizes: { ...blockSizes, maximum: 2 ** 25 } }],
    ['more abilities', { transmissionFlags: 0xffff & ~TransmissionFlag.ReadOnly }],
    ['one context more', { contexts: [...(base.contexts ?? []), { name: 'x:y', id: 1 }] }],
  ])('%s is welcome', async (_, change) => {
    const { device, server } = await openSession({ ...waiting, facts: base });
    server.facts = { ...server.facts, ...change };
    server.connection.hangUp();
    await turn();
    await device.read(0, new Uint8Array(512));
    expect(device.state).toBe('connected');
  });

  it('C34: contexts may have other numbers, and still go by their names', async () => {
    const { device, server } = await openSession({ ...waiting, facts: base });
    server.extents = (name, _offset, length) => [{ length, status: name.startsWith('base') ? 3n : 1n }];
    server.facts = {
      ...server.facts,
      contexts: [
        { name: 'base:allocation', id: 8 },
        { name: 'qemu:dirty-bitmap:a', id: 7 },
      ],
    };
    server.connection.hangUp();
    await turn();
    const answer = await device.blockStatus(0, 512);
    expect(answer.map(({ context, extents }) => [context, extents[0]?.status])).toEqual([
      ['base:allocation', 3n],
      ['qemu:dirty-bitmap:a', 1n],
    ]);
  });

  it('requests that have waited are made for the connection that they leave by', async () => {
    const { device, server } = await lostSession({ ...waiting, mode: 'extended', facts: base });
    const asking = device.blockStatus(0, 512, { contexts: ['qemu:dirty-bitmap:a'] });
    await turn();
    server.facts = {
      ...server.facts,
      contexts: [
        { name: 'qemu:dirty-bitmap:a', id: 99 },
        { name: 'base:allocation', id: 5 },
      ],
    };
    server.connector.up();
    expect((await asking).map(({ context }) => context)).toEqual(['qemu:dirty-bitmap:a']);
    const [request] = server.requestsOf(Command.BlockStatus) as [FakeRequest];
    expect([...request.payload.subarray(8)]).toEqual([0, 0, 0, 99]);
  });
});
