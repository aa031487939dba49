import { silent } from '@nbdjs/interfaces';
import { BusyPoll } from '@nbdjs/kit';
import { Command, WireError } from '@nbdjs/protocol';
import { FakeServer, type FakeServerOptions, VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { UnflushedWrites } from '../durability/unflushed-writes.ts';
import { CookieSequence } from '../requests/in-flight-table.ts';
import { type Request, requestOf } from '../requests/request.ts';
import { resolveSettings } from '../settings.ts';
import { emptyStatistics } from '../statistics.ts';
import { TransmissionTrace } from '../transmission-trace.ts';
import type { Connection } from './connection.ts';
import { type ConnectionLoss, ConnectionSet } from './connection-set.ts';

function read(offset: bigint): Request {
  const request = requestOf(Command.Read, 0, offset, 8n, new Uint8Array(8));
  request.resolve = () => {};
  request.reject = () => {};
  return request;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

class Fixture {
  readonly clock = new VirtualClock();
  readonly server: FakeServer;
  readonly losses: ConnectionLoss[] = [];
  incarnations = 0;
  readonly set: ConnectionSet;

  constructor(options: FakeServerOptions = {}) {
    this.server = new FakeServer(options);
    const { clock } = this;
    const { connector } = this.server;
    const settings = resolveSettings({ connector, clock, defer: (task) => task(), reconnectDelayMs: 1000 });
    const unflushed = new UnflushedWrites(settings, () => {});
    unflushed.adapt(this.server.facts);
    const trace = new TransmissionTrace(silent);
    const context = {
      settings,
      cookies: new CookieSequence(),
      statistics: emptyStatistics(),
      trace,
      busyPoll: new BusyPoll(clock, undefined, 0),
    };
    this.set = new ConnectionSet(context, unflushed, {
      capacity() {},
      incarnationBegun: () => {
        this.incarnations++;
      },
      lost: (loss) => this.losses.push(loss),
    });
  }

  async admit(): Promise<void> {
    this.set.admit(await this.server.connector.establish({ wait: true }));
  }

  issue(connection: Connection, ...requests: readonly Request[]): void {
    for (const request of requests) connection.issue(request);
    connection.send();
  }
}

describe('connection set', () => {
  it('uses the first connection at once; another one is on probation until the first has answered', async () => {
    const { set, ...fixture } = await withFirst();
    const [first] = set.active;
    expect([set.count, set.active.length, fixture.it.incarnations]).toEqual([1, 1, 1]);
    fixture.it.server.onRequest = () => {};
    await fixture.it.admit();
    expect([set.count, set.active]).toEqual([2, [first]]);
    await turn();
    fixture.it.server.requests[0]?.answer();
    await turn();
    expect([set.count, set.active.length, fixture.it.incarnations]).toEqual([2, 2, 1]);
  });

  it('reports a loss once, with what is owed, oldest first; it does not count any more', async () => {
    const { set, it: fixture } = await withFirst({ onRequest: () => {} });
    const [connection] = set.active as readonly [Connection];
    const requests = [read(24n), read(0n), read(8n)];
    fixture.issue(connection, ...requests);
    expect(set.inFlight).toBe(3);
    const cause = new Error('ECONNRESET');
    fixture.server.connection.hangUp(cause);
    await turn();
    expect([set.count, set.isEmpty, set.inFlight]).toEqual([0, true, 0]);
    expect(fixture.losses).toHaveLength(1);
    expect(fixture.losses[0]).toMatchObject({ connection, cause, wasUseful: false });
    expect(fixture.losses[0]?.orphans).toEqual(requests);
    connection.destroy();
    expect(fixture.losses).toHaveLength(1);
  });

  it('calls a connection useful that has answered, or was asked for nothing', async () => {
    for (const asked of [0, 1]) {
      const { set, it: fixture } = await withFirst();
      const [connection] = set.active as readonly [Connection];
      if (asked > 0) fixture.issue(connection, read(0n));
      await turn();
      fixture.server.connection.hangUp();
      await turn();
      expect(fixture.losses[0]?.wasUseful).toBe(true);
    }
  });

  it('C58: parts from a server that goes away: the connection drains, and what it refused is owed', async () => {
    const { set, it: fixture } = await withFirst({ onRequest: (request) => request.fail(WireError.Eshutdown) });
    fixture.server.connection.endsPolitely = false;
    const request = read(0n);
    fixture.issue(set.active[0] as Connection, request);
    await turn();
    expect(fixture.losses[0]?.orphans).toEqual([request]);
    expect([set.count, fixture.server.connection.hasDisconnected, fixture.clock.pending]).toEqual([0, true, 1]);
    let isDrained = false;
    void set.drained().then(() => {
      isDrained = true;
    });
    await turn();
    expect(isDrained).toBe(false);
    await fixture.clock.advance(10_000);
    expect([isDrained, fixture.clock.pending, fixture.losses.length]).toEqual([true, 0, 1]);
  });

  it('when no active one is left, the latest on probation begins a new incarnation, without the others', async () => {
    const { set, it: fixture } = await withFirst();
    fixture.server.onRequest = () => {};
    await fixture.admit();
    await fixture.admit();
    expect([set.count, set.active.length]).toEqual([3, 1]);
    fixture.server.connections[0]?.hangUp();
    await turn();
    expect([set.count, set.active.length]).toEqual([2, 0]);
    set.promote();
    expect([set.count, set.active.length, fixture.incarnations]).toEqual([1, 1, 2]);
    // The answers to two probes of the first one are still missing.
    expect(fixture.losses.map(({ wasUseful }) => wasUseful)).toEqual([false, false]);
    expect(fixture.server.connections.map(({ channel }) => channel.isDestroyed)).toEqual([true, true, false]);
  });

  it('gives a request to the connection with the least to do, and none to one that is full', async () => {
    const { set, it: fixture } = await withFirst({ onRequest: (request) => request.answer() });
    await fixture.admit();
    await turn();
    const [one, other] = set.active as readonly [Connection, Connection];
    fixture.server.onRequest = () => {};
    fixture.issue(one, read(0n));
    expect(set.choose(read(8n))).toBe(other);
    fixture.issue(other, read(8n), read(16n));
    expect(set.choose(read(24n))).toBe(one);
  });

  it('says good-bye by all of them in the end', async () => {
    const { set, it: fixture } = await withFirst();
    await fixture.admit();
    await turn();
    set.retireAll();
    expect(set.count).toBe(0);
    await set.drained();
    expect(fixture.server.connections.every(({ hasDisconnected }) => hasDisconnected)).toBe(true);
    expect([fixture.losses, fixture.clock.pending]).toEqual([[], 0]);
  });
});

async function withFirst(
  options: FakeServerOptions = {},
): Promise<{ readonly it: Fixture; readonly set: ConnectionSet }> {
  const fixture = new Fixture(options);
  await fixture.admit();
  return { it: fixture, set: fixture.set };
}
