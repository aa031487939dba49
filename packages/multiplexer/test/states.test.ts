/** Every transition of QEMU's connection states (block/nbd.c), in virtual time; docs/conformance.md lists them. */
import { ConnectError, ProtocolError } from '@nbdjs/interfaces';
import { WireError } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { failure, makeSession, openSession, type Session, standing, turn } from './session.ts';

const byte = () => new Uint8Array(1);
const refused = new ConnectError('ERR_NBD_REFUSED', 'no server listens');

const waiting = { multiplexer: { reconnectDelayMs: 10_000 } };

/** Sessions in each state that is not final; requests wait where the state lets them. */
const states = {
  async connected(): Promise<Session> {
    return openSession(waiting);
  },
  async 'connecting-wait'(): Promise<Session> {
    const session = await openSession(waiting);
    await lose(session);
    standing(session.device.read(0, byte()) as Promise<void>);
    await turn();
    return session;
  },
  async 'connecting-nowait'(): Promise<Session> {
    const session = await openSession();
    await lose(session);
    return session;
  },
};

async function lose({ server }: Session): Promise<void> {
  server.connector.down(refused);
  server.connection.hangUp();
  await turn();
}

const all = Object.keys(states) as (keyof typeof states)[];
const connecting = ['connecting-wait', 'connecting-nowait'] as const;

describe('Q1: open', () => {
  it('Q1: with an open timeout, attempts are repeated until its timer rings', async () => {
    const { device, server, clock } = makeSession({ multiplexer: { openTimeoutMs: 5000 } });
    server.connector.down(refused);
    const opening = failure(device.open());
    await turn();
    expect(device.state).toBe('connecting-wait');
    expect(server.connector.isRetrying).toBe(true);
    expect(clock.pending).toBe(1);
    await clock.advance(5000);
    expect(await opening).toBe(refused);
    expect(clock.pending).toBe(0);
  });

  it('Q1: without one there is one attempt, and no timer', async () => {
    const { device, server, clock } = makeSession();
    server.connector.down(refused);
    const opening = failure(device.open());
    expect([server.connector.isRetrying, clock.pending]).toEqual([false, 0]);
    expect(await opening).toBe(refused);
    expect(device.state).toBe('connecting-wait');
  });
});

describe('a connection is made', () => {
  it('Q2: connecting-wait -> connected: the timer is gone, and all who wait are served', async () => {
    const { device, server, clock } = await states['connecting-wait']();
    const reads = [1, 2, 3].map((offset) => device.read(offset, byte()));
    await turn();
    expect(clock.pending).toBe(1);
    server.connector.up();
    await Promise.all(reads);
    expect([device.state, clock.pending]).toEqual(['connected', 0]);
  });

  it('Q2: connecting-nowait -> connected', async () => {
    const { device, server, clock } = await states['connecting-nowait']();
    server.connector.prepare();
    await device.read(0, byte());
    expect([device.state, clock.pending]).toEqual(['connected', 0]);
  });

  it.each(connecting)(
    'Q2: %s stays what it is when the facts are refused and others are to be tried',
    async (state) => {
      const delays = { 'connecting-wait': 10_000, 'connecting-nowait': 0 };
      const session = await openSession({ multiplexer: { reconnectDelayMs: delays[state], stopOnPermanent: false } });
      const { device, server, clock } = session;
      await lose(session);
      server.facts = { ...server.facts, size: 512n };
      const reading = failure(device.read(0, byte()));
      if (state === 'connecting-wait') server.connector.up();
      else server.connector.prepare();
      await turn();
      expect(device.state).toBe(state);
      await clock.advance(10_000);
      expect(await reading).toBeInstanceOf(Error);
    },
  );
});

describe('an attempt fails', () => {
  it.each(connecting)('Q3: %s stays unchanged, and the request that asked gets its error', async (state) => {
    const { device, server, clock } = await states[state]();
    const reading = failure(device.read(0, byte()));
    await turn();
    server.connector.fail(refused);
    expect(await reading).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    expect([device.state, clock.pending]).toEqual([state, 0]);
  });
});

describe('the channel fails', () => {
  it('Q4: connected -> connecting-wait, with a reconnect delay', async () => {
    const session = await states.connected();
    await lose(session);
    expect(session.device.state).toBe('connecting-wait');
    expect(session.server.connection.channel.isDestroyed).toBe(true);
  });

  it('Q5: connected -> connecting-nowait, without one', async () => {
    const session = await openSession();
    await lose(session);
    expect(session.device.state).toBe('connecting-nowait');
    expect(session.server.connection.channel.isDestroyed).toBe(true);
  });

  it.each(connecting)('Q6: %s stays what it is when what was left of the last connection fails', async (state) => {
    const delays = { 'connecting-wait': 10_000, 'connecting-nowait': 0 };
    const session = await openSession({
      multiplexer: { reconnectDelayMs: delays[state] },
      onRequest: (request) => request.fail(WireError.Eshutdown),
    });
    const { device, server, clock } = session;
    server.connection.endsPolitely = false;
    server.connector.down(refused);
    standing(device.read(0, byte()) as Promise<void>);
    // The server sends us away: we have said good-bye, and wait for its end.
    for (let round = 0; round < 3; round++) await turn();
    expect(device.state).toBe(state);
    const { calls } = server.connector;
    const callCount = calls.length;
    server.connection.hangUp(new Error('ECONNRESET'));
    await turn();
    expect(device.state).toBe(state);
    expect(calls).toHaveLength(callCount);
    device.destroy();
    await turn();
    expect(clock.pending).toBe(0);
  });
});

describe('the server breaks the rules', () => {
  it('Q7: connected -> closed, reconnect delay or not; everything later is refused', async () => {
    const { device, server } = await states.connected();
    server.connection.send(new TextEncoder().encode('this is no reply at all'));
    await turn();
    expect(device.state).toBe('closed');
    expect(await device.closed).toBeInstanceOf(ProtocolError);
    expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(server.connector.isReleased).toBe(true);
    expect(server.connections).toHaveLength(1);
  });

  it.each(connecting)('Q7: %s -> closed, by the first bytes of the next connection', async (state) => {
    const { device, server, clock } = await states[state]();
    const reading = failure(device.read(0, byte()));
    server.onRequest = (request) => request.connection.send(new Uint8Array(32));
    if (state === 'connecting-wait') server.connector.up();
    else {
      await reading;
      server.connector.prepare();
      await failure(device.read(0, byte()));
    }
    await reading;
    expect(device.state).toBe('closed');
    expect(await device.closed).toBeInstanceOf(ProtocolError);
    expect(clock.pending).toBe(0);
  });
});

describe('the reconnect delay is over', () => {
  it('Q8: connecting-wait -> connecting-nowait: the wait is called off, and who waits is told', async () => {
    const { device, server, clock } = await states['connecting-wait']();
    const reading = failure(device.read(1, byte()));
    await clock.advance(9999);
    expect(server.connector.isWaitedFor).toBe(true);
    await clock.advance(1);
    expect(await reading).toMatchObject({ code: 'ERR_NBD_REFUSED' });
    expect(device.state).toBe('connecting-nowait');
    expect([server.connector.isWaitedFor, clock.pending]).toEqual([false, 0]);
  });

  it('Q8: a caller that does not wait that long aborts its own request, and only that', async () => {
    const { device, server } = await states['connecting-wait']();
    const abort = new AbortController();
    const reading = failure(device.read(1, byte(), { signal: abort.signal }));
    const other = standing(device.read(2, byte()) as Promise<void>);
    await turn();
    abort.abort(new Error('forced cancel'));
    expect(await reading).toBe(abort.signal.reason);
    expect([device.state, server.connector.isWaitedFor, other()]).toEqual(['connecting-wait', true, 'pending']);
    device.destroy();
  });
});

describe('the end', () => {
  it.each(all)('Q9: %s -> closed by destroy, at once', async (state) => {
    const { device, server, clock } = await states[state]();
    device.destroy();
    expect(device.state).toBe('closed');
    await turn();
    expect(server.connection.hasDisconnected).toBe(false);
    expect([server.connection.channel.isDestroyed, server.connector.isReleased, clock.pending]).toEqual([
      true,
      true,
      0,
    ]);
  });

  it.each(all)('Q10: %s -> closed by close, with DISC if there is a connection', async (state) => {
    const { device, server, clock } = await states[state]();
    const closing = device.close();
    // Requests that wait are waited for, as long as that may take.
    if (state === 'connecting-wait') await clock.advance(10_000);
    await closing;
    expect(device.state).toBe('closed');
    expect(server.connection.hasDisconnected).toBe(state === 'connected');
    expect([server.connector.isReleased, clock.pending]).toEqual([true, 0]);
  });
});
