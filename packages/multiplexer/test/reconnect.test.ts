/** Requests that were in flight when their connection was lost are sent again, in virtual time. */
import { ConnectionLostError } from '@nbdjs/interfaces';
import { Command, CommandFlag } from '@nbdjs/protocol';
import { type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, same, standing, turn } from './session.ts';

const reconnecting = { multiplexer: { reconnectDelayMs: 10_000 } };
const modes = ['simple', 'structured', 'extended'] as const;

describe('requests in flight', () => {
  it('go by the next connection in the order in which they were sent, before those that waited', async () => {
    const { device, server } = await openSession({
      multiplexer: { reconnectDelayMs: 10_000, requestsInFlightMax: 3 },
      onRequest: () => {},
    });
    const reads = [0, 1, 2, 3, 4].map((offset) => device.read(offset, new Uint8Array(1)));
    await turn();
    server.onRequest = undefined;
    server.connection.hangUp();
    await Promise.all(reads);
    expect(server.requests.map(({ offset }) => Number(offset))).toEqual([0, 1, 2, 0, 1, 2, 3, 4]);
    expect(device.statistics).toMatchObject({ requestsResent: 3, connections: 2 });
  });

  it('have other cookies then, so that nothing can be taken for an answer to their first try', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const reading = device.read(0, new Uint8Array(1));
    await turn();
    server.onRequest = undefined;
    server.connection.hangUp();
    await reading;
    const [first, second] = server.requests as [FakeRequest, FakeRequest];
    expect(first.cookie).not.toEqual(second.cookie);
  });

  it('a read that was half answered starts over, and its caller hears of each chunk once', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const target = new Uint8Array(100);
    const chunks: unknown[] = [];
    const reading = device.read(50, target, { onChunk: (chunk) => chunks.push(chunk) });
    await turn();
    const [request] = server.requests as [FakeRequest];
    request.sendPiece({ type: 'hole', offset: 90n, length: 20 }, false);
    await turn();
    server.onRequest = undefined;
    server.connection.hangUp();
    await reading;
    expect(same(target, patternBytes(150).subarray(50))).toBe(true);
    expect(chunks).toEqual([{ type: 'data', position: 0, length: 100 }]);
  });

  it('an error that was told before the end of the reply is forgotten', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const reading = device.read(0, new Uint8Array(10));
    await turn();
    const [request] = server.requests as [FakeRequest];
    const { send } = request.connection;
    // The error chunk without its last byte, the flag Done being in the second one.
    request.connection.send = (...pieces) => {
      for (const piece of pieces) {
        if (piece.length > 6) new DataView(piece.buffer, piece.byteOffset).setUint16(4, 0);
        send.call(request.connection, piece);
      }
    };
    request.fail(5, 'half a disk');
    await turn();
    server.onRequest = undefined;
    server.connection.hangUp();
    await reading;
  });

  it('block status starts over, with the numbers that the contexts have by then (C34)', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const asking = device.blockStatus(0, 100);
    await turn();
    server.facts = { ...server.facts, contexts: [{ name: 'base:allocation', id: 99 }] };
    server.onRequest = undefined;
    server.connection.hangUp();
    expect(await asking).toEqual([{ context: 'base:allocation', extents: [{ offset: 0n, length: 100n, status: 0n }] }]);
  });

  it('keep their flags: FUA stays FUA', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const writing = device.write(0, new Uint8Array(10), { fua: true });
    await turn();
    server.onRequest = undefined;
    server.connection.hangUp();
    await writing;
    expect(server.requests.map(({ flags }) => flags)).toEqual([CommandFlag.Fua, CommandFlag.Fua]);
  });

  it('those that were abandoned do not go again', async () => {
    const abort = new AbortController();
    const { device, server, clock } = await openSession({ ...reconnecting, onRequest: () => {} });
    const reading = failure(device.read(0, new Uint8Array(1), { signal: abort.signal }));
    const other = device.read(1, new Uint8Array(1));
    await turn();
    abort.abort(new Error('enough'));
    expect(await reading).toBe(abort.signal.reason);
    server.onRequest = undefined;
    server.connection.hangUp();
    await other;
    expect(server.requests.map(({ offset }) => Number(offset))).toEqual([0, 1, 1]);
    expect(clock.pending).toBe(0);
  });

  it('can be abandoned between two connections', async () => {
    const abort = new AbortController();
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const reading = failure(device.read(0, new Uint8Array(1), { signal: abort.signal }));
    await turn();
    server.connector.down();
    server.connection.hangUp();
    await turn();
    abort.abort(new Error('enough'));
    expect(await reading).toBe(abort.signal.reason);
    server.connector.up();
    await turn();
    expect(server.requests).toHaveLength(1);
  });

  it('fail when the reconnect delay is over: whether they were carried out is unknown', async () => {
    const { device, server, clock } = await openSession({ ...reconnecting, onRequest: () => {} });
    const writing = failure(device.write(0, new Uint8Array(1)));
    await turn();
    server.connector.down();
    server.connection.hangUp();
    await turn();
    const later = failure(device.write(1, new Uint8Array(1)));
    await clock.advance(10_000);
    expect(await writing).toMatchObject({ outcome: 'unknown', cause: { code: 'ERR_NBD_REFUSED' } });
    expect(await later).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    expect(clock.pending).toBe(0);
  });

  it('one that the server does not survive, however often, is given up; others are not', async () => {
    const { device, server, clock } = await openSession({
      multiplexer: { reconnectDelayMs: 3_600_000 },
      onRequest: (request) => {
        // Answers the others first, so that each connection is of use.
        if (request.offset === 13n) setImmediate(() => request.connection.hangUp());
        else request.answer();
      },
    });
    const poison = standing(device.read(13, new Uint8Array(1)));
    for (let round = 0; round < 40; round++) {
      await device.read(0, new Uint8Array(1));
      await clock.advance(20_000);
    }
    expect(poison()).toBe('rejected');
    expect(server.requests.filter(({ offset }) => offset === 13n)).toHaveLength(33);
    await device.read(0, new Uint8Array(1));
  });

  it('a violation is final, reconnect delay or not', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const reading = failure(device.read(0, new Uint8Array(1)));
    await turn();
    server.connection.send(new TextEncoder().encode('garbage, as far as the eye can see'));
    expect(await reading).toBeInstanceOf(ConnectionLostError);
    expect(device.state).toBe('closed');
    expect(server.connections).toHaveLength(1);
  });

  it('a stale reply behind a rejected one does not reach the next connection (cookie defects of September 2026)', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const target = new Uint8Array(4);
    const reading = device.read(0, target);
    await turn();
    const [stale] = server.requests as [FakeRequest];
    server.connection.hangUp();
    await turn();
    // The answer to the first try comes by the second connection.
    const [, second] = server.requests as [FakeRequest, FakeRequest];
    second.connection.send = second.connection.send.bind(second.connection);
    const { cookie } = stale;
    Object.assign(second, { cookie });
    second.answer();
    expect(await failure(reading)).toMatchObject({ cause: { violation: 'unexpected-cookie' } });
    expect([...target]).toEqual([0, 0, 0, 0]);
  });

  it('a cookie far out of range is no index (cookie defects of September 2026)', async () => {
    const { device, server } = await openSession({ ...reconnecting, onRequest: () => {} });
    const reading = failure(device.read(0, new Uint8Array(4)));
    await turn();
    const [request] = server.requests as [FakeRequest];
    Object.assign(request, { cookie: { high: 0xffff_ffff, low: 0xffff_ffff } });
    request.answer();
    expect(await reading).toMatchObject({ cause: { violation: 'unexpected-cookie' } });
  });
});

describe('several attempts', () => {
  it('facts that differ end the device: a server with another size is not the same export', async () => {
    const { device, server } = await openSession(reconnecting);
    server.facts = { ...server.facts, size: 512n };
    server.connection.hangUp();
    await turn();
    expect(await failure(device.read(0, new Uint8Array(1)))).toMatchObject({ code: 'ERR_NBD_FACTS_CHANGED' });
    expect(device.state).toBe('closed');
    expect(server.connection.hasDisconnected).toBe(true);
  });

  it('facts that differ are waited out when told so, with pauses, until the delay is over', async () => {
    const { device, server, clock } = await openSession({
      multiplexer: { reconnectDelayMs: 10_000, stopOnPermanent: false },
    });
    const { facts } = server;
    server.facts = { ...facts, size: 512n };
    server.connection.hangUp();
    await turn();
    const reading = standing(device.read(0, new Uint8Array(1)));
    await clock.advance(3000);
    expect(server.connections).toHaveLength(1 + 5);
    expect(reading()).toBe('pending');
    server.facts = facts;
    await clock.advance(1000);
    expect(reading()).toBe('resolved');

    server.facts = { ...facts, size: 512n };
    server.connection.hangUp();
    await turn();
    const vain = failure(device.read(0, new Uint8Array(1)));
    await clock.advance(10_000);
    expect(await vain).toBeInstanceOf(Error);
    expect(device.state).toBe('connecting-nowait');
    expect(clock.pending).toBe(0);
  });
});

/** Everything that a client can ask for, one after the other where order matters. */
async function script(device: Awaited<ReturnType<typeof openSession>>['device'], hasStatus: boolean) {
  const targets = [new Uint8Array(40), new Uint8Array(20), new Uint8Array(6000)] as const;
  const outcomes = await Promise.allSettled([
    device.read(0, targets[0]),
    device.write(100, new Uint8Array(50).fill(1)),
    device.read(200, targets[1]),
    device.trim(20_000, 100),
    device.write(1000, new Uint8Array(5000).fill(2)),
    device.read(30_000, targets[2], { onChunk() {} }),
    device.writeZeroes(7000, 600),
    device.cache(0, 100),
    hasStatus ? device.blockStatus(0, 100) : device.cache(0, 100),
  ]);
  const later = await Promise.allSettled([
    device.write(120, new Uint8Array(10).fill(3), { fua: true }),
    device.flush(),
  ]);
  return { outcomes: [...outcomes, ...later], targets };
}

describe.each(modes)('a connection that ends at every byte, %s', { tags: ['slow'] }, (mode) => {
  const content = patternBytes(64 * 1024);
  const model = content.slice();
  model.fill(1, 100, 150);
  model.fill(2, 1000, 6000);
  model.fill(0, 7000, 7600);
  model.fill(3, 120, 130);

  it.each(['sent', 'received'] as const)('of what was %s: everything succeeds by the next one', async (direction) => {
    const whole = await openSession({ mode, content: content.slice(), ...reconnecting });
    await script(whole.device, mode !== 'simple');
    const total = direction === 'sent' ? whole.device.statistics.bytesSent : whole.device.statistics.bytesReceived;
    await whole.device.close();
    // Inside of long payloads one place is like the next.
    for (let cut = 1; cut <= total; cut += cut > 700 && cut < total - 300 ? 37 : 1) {
      const { device, server, clock } = await openSession({
        mode,
        content: content.slice(),
        ...reconnecting,
        cut: () => 997,
      });
      if (direction === 'sent') server.connection.bytesUntilDeaf = cut;
      else server.connection.bytesUntilDeath = cut;
      const { outcomes, targets } = await script(device, mode !== 'simple');
      expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(same(server.content, model)).toBe(true);
      expect(same(targets[2], model.subarray(30_000, 36_000))).toBe(true);
      expect(server.connections.length).toBeLessThanOrEqual(2);
      // Each request runs at most twice; the script asks for one of them twice where there is no block status.
      const counts = new Map<string, number>();
      for (const { command, offset } of server.requests) {
        const key = `${command} ${offset}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(mode === 'simple' ? 4 : 2);
      await device.close();
      expect(clock.pending).toBe(0);
      expect(device.state).toBe('closed');
      expect(server.connections.every(({ channel }) => channel.isDestroyed)).toBe(true);
      expect(server.requestsOf(Command.Disconnect)).toHaveLength(1);
    }
  });
});
