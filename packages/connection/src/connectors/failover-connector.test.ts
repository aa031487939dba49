import {
  type ByteChannel,
  ConnectError,
  type Connector,
  type Established,
  type ExportFacts,
  NegotiationError,
} from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { createFailoverConnector, type FailoverOptions } from './failover-connector.ts';

const facts: ExportFacts = {
  style: 'newstyle-fixed',
  mode: 'simple',
  tls: false,
  exportName: '',
  size: 4096n,
  transmissionFlags: 1,
  contexts: [],
};

/** A server of the test: it is there or not, and every attempt is counted. */
class FakeServer implements Connector {
  attempts = 0;
  isReleased = false;
  /** Answers only when the test calls it. */
  isSlow = false;
  answer: () => void = () => {};
  readonly channels: ByteChannel[] = [];
  failure: Error | undefined;
  size = 4096n;

  constructor(failure?: Error) {
    this.failure = failure;
  }

  async establish(): Promise<Established> {
    this.attempts++;
    if (this.isSlow) {
      await new Promise<void>((resolve) => {
        this.answer = resolve;
      });
    }
    if (this.failure !== undefined) throw this.failure;
    const [channel] = createMemoryPair();
    this.channels.push(channel);
    return { channel, facts: { ...facts, size: this.size }, excess: new Uint8Array(0) };
  }

  retry(): void {}

  release(): void {
    this.isReleased = true;
  }
}

const refused = () => new ConnectError('ERR_NBD_REFUSED', 'connection refused');
const unknown = () => new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', 'no such export');

function setUp(servers: readonly FakeServer[], options: FailoverOptions = {}) {
  const clock = new VirtualClock();
  const members = servers.map((connector, index) => ({ name: `server ${index}`, connector }));
  const connector = createFailoverConnector(members, { clock, jitter: () => 0.5, ...options });
  const attempts = () => servers.map((server) => server.attempts);
  return { clock, connector, attempts };
}

const outcomeOf = (connector: Connector): Promise<unknown> =>
  connector.establish({ wait: true }).catch((error: unknown) => error);

describe('a fail-over', () => {
  it('tries each server once in an attempt, and repeats attempts for all together', async () => {
    const servers = [new FakeServer(refused()), new FakeServer(refused())];
    const { clock, connector, attempts } = setUp(servers);
    expect(await outcomeOf(connector)).toMatchObject({
      name: 'ConnectError',
      message: 'none of 2 servers can be used: server 0: connection refused; server 1: connection refused',
      permanent: false,
      cause: { errors: [{ code: 'ERR_NBD_REFUSED' }, { code: 'ERR_NBD_REFUSED' }] },
    });
    expect(attempts()).toEqual([1, 1]);
    connector.retry(true);
    const waiting = outcomeOf(connector);
    await clock.advance(999);
    expect(attempts()).toEqual([2, 2]);
    const [first] = servers as [FakeServer];
    first.failure = undefined;
    await clock.advance(2000);
    expect(await waiting).toMatchObject({ facts });
    expect(attempts()).toEqual([3, 2]);
    connector.release();
  });

  it('is permanent when every server refuses for good', async () => {
    const { connector } = setUp([new FakeServer(unknown()), new FakeServer(unknown())]);
    expect(await outcomeOf(connector)).toMatchObject({ permanent: true });
    const mixed = setUp([new FakeServer(unknown()), new FakeServer(refused())]);
    expect(await outcomeOf(mixed.connector)).toMatchObject({ permanent: false });
  });

  it('waits for an export, if that is asked for', async () => {
    const servers = [new FakeServer(unknown()), new FakeServer(unknown())];
    const { clock, connector } = setUp(servers, { awaitExport: true, openTimeoutMs: 60_000 });
    const waiting = outcomeOf(connector);
    await clock.advance(500);
    const [, second] = servers as [FakeServer, FakeServer];
    second.failure = undefined;
    await clock.advance(2000);
    expect(await waiting).toMatchObject({ facts });
    connector.release();
  });

  it('stays at the server of its open connections, and goes on from there in a circle', async () => {
    const servers = [new FakeServer(refused()), new FakeServer(), new FakeServer()];
    const { connector, attempts } = setUp(servers);
    const first = await connector.establish({ wait: true });
    const second = await connector.establish({ wait: true });
    expect(attempts()).toEqual([1, 2, 0]);
    const [zero, one, two] = servers as [FakeServer, FakeServer, FakeServer];
    one.failure = refused();
    zero.failure = undefined;
    expect(await outcomeOf(connector)).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    expect(attempts()).toEqual([1, 3, 0]);
    first.channel.destroy();
    await first.channel.closed;
    expect(await outcomeOf(connector)).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    second.channel.destroy();
    await second.channel.closed;
    two.failure = refused();
    const third = await connector.establish({ wait: true });
    expect(attempts()).toEqual([2, 5, 1]);
    third.channel.destroy();
    connector.release();
  });

  it('does not use a server whose export differs from the first one', async () => {
    const servers = [new FakeServer(), new FakeServer()];
    const [one, other] = servers as [FakeServer, FakeServer];
    other.size = 512n;
    const compare: FailoverOptions['compare'] = (before, after) =>
      before.size === after.size ? undefined : new NegotiationError('ERR_NBD_FACTS_CHANGED', 'another size');
    const { connector } = setUp(servers, { compare });
    const { channel } = await connector.establish({ wait: true });
    channel.destroy();
    await channel.closed;
    one.failure = refused();
    expect(await outcomeOf(connector)).toMatchObject({
      permanent: false,
      message: 'none of 2 servers can be used: server 0: connection refused; server 1: another size',
    });
    connector.release();
  });

  it('has the next server join in when one is slow, and discards what comes late', async () => {
    const servers = [new FakeServer(), new FakeServer()];
    const [slow, quick] = servers as [FakeServer, FakeServer];
    slow.isSlow = true;
    const { clock, connector, attempts } = setUp(servers, { nextServerMs: 500 });
    const waiting = connector.establish({ wait: true });
    await clock.advance(499);
    expect(attempts()).toEqual([1, 0]);
    await clock.advance(1);
    const { channel } = await waiting;
    expect(channel).toBe(quick.channels[0]);
    slow.answer();
    await expect.poll(() => slow.channels.length).toBe(1);
    // It is left in order, and then closed.
    expect(await slow.channels[0]?.closed).toMatchObject({ by: 'us' });
    // Also beside a slow server, further connections lead to the one that is used.
    quick.isSlow = true;
    const second = connector.establish({ wait: true });
    await clock.advance(5000);
    expect(attempts()).toEqual([1, 2]);
    quick.answer();
    (await second).channel.destroy();
    channel.destroy();
    connector.release();
  });

  it('goes on with a slow server in the next attempt, instead of asking it twice', async () => {
    const servers = [new FakeServer(), new FakeServer()];
    const [slow, quick] = servers as [FakeServer, FakeServer];
    slow.isSlow = true;
    const { clock, connector, attempts } = setUp(servers, { nextServerMs: 500 });
    const first = connector.establish({ wait: true });
    await clock.advance(500);
    const { channel } = await first;
    channel.destroy();
    await channel.closed;
    quick.failure = refused();
    const second = connector.establish({ wait: true });
    await clock.advance(0);
    expect(attempts()).toEqual([1, 2]);
    slow.answer();
    expect((await second).channel).toBe(slow.channels[0]);
    connector.release();
    slow.channels[0]?.destroy();
  });

  it('releases all servers', async () => {
    const servers = [new FakeServer(), new FakeServer()];
    const { connector } = setUp(servers);
    connector.release();
    expect(servers.map(({ isReleased }) => isReleased)).toEqual([true, true]);
    expect(await outcomeOf(connector)).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(() => createFailoverConnector([])).toThrow('createFailoverConnector: there is no server');
  });
});
