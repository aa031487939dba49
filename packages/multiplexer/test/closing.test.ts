/** The end: by us, by the server's wish, and in every state. */
import { ConnectionLostError, TimeoutError } from '@nbdjs/interfaces';
import { Command, encodeSimpleReply, WireError } from '@nbdjs/protocol';
import type { FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, makeSession, openSession, type SessionOptions, standing, turn } from './session.ts';

const byte = () => new Uint8Array(1);

async function heldSession(options: SessionOptions = {}) {
  const held: FakeRequest[] = [];
  const session = await openSession({ ...options, onRequest: (request) => void held.push(request) });
  return { ...session, held };
}

describe('close', () => {
  it('C46, C47: says good-bye with offset and length 0, and nothing behind it', async () => {
    for (const mode of ['simple', 'structured', 'extended'] as const) {
      const { device, server, clock } = await openSession({ mode });
      await device.read(0, byte());
      await device.close();
      const [, disconnect] = server.requests;
      expect(disconnect).toMatchObject({ command: Command.Disconnect, flags: 0, offset: 0n, length: 0n });
      expect(server.connection.bytesBehindDisconnect).toBe(0);
      expect(server.connection.hasEnded).toBe(true);
      expect(device.state).toBe('closed');
      expect(await device.closed).toBeUndefined();
      expect(server.connector.isReleased).toBe(true);
      expect(clock.pending).toBe(0);
    }
  });

  it('C47: waits for requests in flight, and refuses new ones meanwhile', async () => {
    const { device, server, held, clock } = await heldSession();
    const reads = [0, 1].map((offset) => device.read(offset, byte()));
    await turn();
    const closing = device.close();
    const state = standing(closing);
    expect(await failure(device.read(2, byte()))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(await failure(device.flush())).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(server.connection.hasDisconnected).toBe(false);
    held[0]?.answer();
    await turn();
    expect(server.connection.hasDisconnected).toBe(false);
    expect(state()).toBe('pending');
    held[1]?.answer();
    await Promise.all(reads);
    await closing;
    expect(server.connection.hasDisconnected).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('waits for requests that have not been sent, and for the parts of those that were split', async () => {
    const { device, held } = await heldSession({
      multiplexer: { requestsInFlightMax: 2 },
      facts: { blockSizes: { minimum: 1, preferred: 512, maximum: 512 } },
    });
    const reading = device.read(0, new Uint8Array(512 * 40));
    const closing = device.close();
    let count = 0;
    while (count < 40) {
      await turn();
      for (const request of held.splice(0)) {
        count++;
        request.answer();
      }
    }
    await reading;
    await closing;
    expect(count).toBe(40);
  });

  it('waits for the second half of a write that reads first', async () => {
    const { device, server, held } = await heldSession({
      facts: { blockSizes: { minimum: 4096, preferred: 4096, maximum: 65_536 } },
    });
    const writing = device.write(5, Uint8Array.of(1, 2, 3));
    await turn();
    const closing = device.close();
    await turn();
    held.shift()?.answer();
    await turn();
    expect(server.connection.hasDisconnected).toBe(false);
    held.shift()?.answer();
    await writing;
    await closing;
    expect([...server.content.subarray(5, 8)]).toEqual([1, 2, 3]);
  });

  it('may be called before opening, and more than once', async () => {
    const { device, server, clock } = makeSession();
    await device.close();
    await device.close();
    expect(server.connector.isReleased).toBe(true);
    expect(await device.closed).toBeUndefined();
    const other = await openSession();
    expect(other.device.close()).toBe(other.device.close());
    await other.device.close();
    await other.device[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });

  it('gives up on requests when its time is over, and tells them so', async () => {
    const { device, server, clock } = await heldSession({ multiplexer: { closeMs: 3000 } });
    const reading = failure(device.read(0, byte()));
    await turn();
    const closing = device.close();
    await clock.advance(2999);
    expect(server.connection.channel.isDestroyed).toBe(false);
    await clock.advance(1);
    await closing;
    const error = await reading;
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ outcome: 'unknown' });
    expect(await device.closed).toBeInstanceOf(TimeoutError);
    expect(server.connection.channel.isDestroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('gives up on a server that does not end its side', async () => {
    const { device, server, clock } = await openSession({ multiplexer: { closeMs: 3000 } });
    server.connection.endsPolitely = false;
    const closing = device.close();
    const state = standing(closing);
    await clock.advance(2999);
    expect(state()).toBe('pending');
    expect(server.connection.channel.isDestroyed).toBe(false);
    await clock.advance(1);
    await closing;
    expect(server.connection.channel.isDestroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('what the server still sends after our DISC is ignored', async () => {
    const { device, server } = await openSession();
    server.connection.endsPolitely = false;
    const closing = device.close();
    await turn();
    server.connection.send(new TextEncoder().encode('good-bye to you too'));
    server.connection.hangUp();
    await closing;
    expect(await device.closed).toBeUndefined();
    expect(device.statistics.bytesReceived).toBe(0);
  });

  it('does not wait longer than needed for requests that were abandoned', async () => {
    const { device, server, held } = await heldSession();
    const abort = new AbortController();
    const reading = failure(device.read(0, byte(), { signal: abort.signal }));
    await turn();
    abort.abort();
    await reading;
    const closing = device.close();
    await turn();
    // C47: in order, even so.
    expect(server.connection.hasDisconnected).toBe(false);
    held[0]?.answer();
    await closing;
    expect(server.connection.hasDisconnected).toBe(true);
  });

  it('the connection goes while it waits: without a reconnect delay no new one is made', async () => {
    const { device, server, clock } = await heldSession({ multiplexer: { requestsInFlightMax: 1 } });
    const first = failure(device.read(0, byte()));
    const second = failure(device.read(1, byte()));
    await turn();
    const closing = device.close();
    server.connection.hangUp();
    await closing;
    expect(await first).toBeInstanceOf(ConnectionLostError);
    expect(await second).toBeInstanceOf(ConnectionLostError);
    expect(server.connections).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('the connection goes while it waits: with a reconnect delay, what is under way is finished by the next one', async () => {
    const { device, server, clock, held } = await heldSession({ multiplexer: { reconnectDelayMs: 5000 } });
    const reading = device.read(0, byte());
    await turn();
    const closing = device.close();
    server.connection.hangUp();
    await clock.advance(1000);
    expect(server.connections).toHaveLength(2);
    held.at(-1)?.answer();
    await reading;
    await closing;
    expect(server.connection.hasDisconnected).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('while sending is blocked, the good-bye leaves when it is not', async () => {
    const { device, server, clock } = await openSession();
    server.connection.channel.block();
    const closing = device.close();
    await turn();
    server.connection.channel.unblock();
    await closing;
    expect(server.connection.hasDisconnected).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('the good-bye leaves what is still being sent alone', async () => {
    const { device, server, held } = await heldSession();
    server.connection.channel.block();
    const writing = device.write(0, new Uint8Array(100_000).fill(1));
    await turn();
    // An answer before the server has seen the request; the first cookie is easy to guess.
    server.connection.send(encodeSimpleReply({ high: 1, low: 0 }, 0));
    await turn();
    const closing = device.close();
    await turn();
    server.connection.channel.unblock();
    await writing;
    await closing;
    expect(held).toHaveLength(1);
    expect(server.requests.map(({ command, cookie }) => [command, cookie.high])).toEqual([
      [Command.Write, 1],
      [Command.Disconnect, 2],
    ]);
  });
});

describe('destroy', () => {
  it('ends everything at once: those in flight and those that wait fail', async () => {
    const { device, server, clock } = await heldSession({ multiplexer: { requestsInFlightMax: 1 } });
    const cause = new Error('the end');
    const failures = [0, 1, 2].map((offset) => failure(device.read(offset, byte())));
    await turn();
    device.destroy(cause);
    const errors = await Promise.all(failures);
    for (const error of errors) expect(error).toBeInstanceOf(ConnectionLostError);
    expect(errors.map((error) => (error as ConnectionLostError).outcome)).toEqual(['unknown', 'not-sent', 'not-sent']);
    expect(await device.closed).toBe(cause);
    expect(server.connection.channel.isDestroyed).toBe(true);
    expect(server.connection.hasDisconnected).toBe(false);
    expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(clock.pending).toBe(0);
    device.destroy();
  });

  it('without a cause the error has none', async () => {
    const { device, held } = await heldSession();
    const reading = failure(device.read(0, byte()));
    await turn();
    expect(held).toHaveLength(1);
    device.destroy();
    expect(await device.closed).toBeUndefined();
    expect((await reading) as Error).toMatchObject({ outcome: 'unknown' });
    expect(((await reading) as Error).message).not.toContain('the server closed');
  });

  it('cuts a close short that waits: for requests, and for the server', async () => {
    const one = await heldSession();
    const reading = failure(one.device.read(0, byte()));
    await turn();
    const closing = one.device.close();
    one.device.destroy();
    await closing;
    await reading;
    expect(one.clock.pending).toBe(0);

    const other = await openSession();
    other.server.connection.endsPolitely = false;
    const farewell = other.device.close();
    await turn();
    other.device.destroy();
    await farewell;
    expect(other.server.connection.channel.isDestroyed).toBe(true);
    expect(other.clock.pending).toBe(0);
  });
});

describe('C58: ESHUTDOWN', () => {
  const saysGoodBye = (request: FakeRequest) => request.fail(WireError.Eshutdown, 'going down');

  it('leads to a soft disconnect, and with a reconnect delay to the next connection, which does what was refused', async () => {
    const { device, server, clock } = await openSession({
      onRequest: saysGoodBye,
      multiplexer: { reconnectDelayMs: 1000 },
    });
    const reading = device.read(0, byte());
    await turn();
    const [first] = server.connections;
    expect(first?.hasDisconnected).toBe(true);
    expect(first?.channel.isDestroyed).toBe(true);
    // The second one is refused as well, which makes it pause.
    expect(device.state).toBe('connecting-wait');
    server.onRequest = undefined;
    await clock.advance(250);
    await reading;
    expect(server.connections).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('a server that says nothing else is given up when the reconnect delay is over', async () => {
    const { device, server, clock } = await openSession({
      onRequest: saysGoodBye,
      multiplexer: { reconnectDelayMs: 4000 },
    });
    const reading = failure(device.read(0, byte()));
    await clock.advance(3999);
    expect(server.connections).toHaveLength(6);
    await clock.advance(1);
    expect(await reading).toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST' });
    expect(clock.pending).toBe(0);
  });

  it('what is in flight is still answered, and what comes next goes by the next connection', async () => {
    const { device, server, held } = await heldSession({ multiplexer: { reconnectDelayMs: 1000 } });
    const reads = [0, 1, 2].map((offset) => device.read(offset, byte()));
    await turn();
    held[0]?.fail(WireError.Eshutdown);
    await turn();
    const later = device.read(3, byte());
    await turn();
    expect(server.connections).toHaveLength(1);
    expect(server.connection.hasDisconnected).toBe(false);
    held[2]?.answer();
    held[1]?.answer();
    await Promise.all(reads.slice(1));
    await turn();
    expect(server.connections).toHaveLength(2);
    expect(server.connections[0]?.hasDisconnected).toBe(true);
    expect(server.connections[0]?.bytesBehindDisconnect).toBe(0);
    for (const request of held.slice(3)) request.answer();
    await Promise.all([reads[0], later]);
    // What was refused comes before what was asked for later.
    expect(server.requestsOf(Command.Read).map(({ offset }) => offset)).toEqual([0n, 1n, 2n, 0n, 3n]);
  });

  it('a server that says so and then does nothing does not hold up the next connection', async () => {
    const { device, server, clock } = await openSession({
      onRequest: saysGoodBye,
      multiplexer: { reconnectDelayMs: 1000, closeMs: 3000 },
    });
    server.connection.endsPolitely = false;
    const reading = device.read(0, byte());
    await turn();
    server.onRequest = undefined;
    await clock.advance(250);
    await reading;
    expect(server.connections).toHaveLength(3);
    expect(server.connections[0]?.channel.isDestroyed).toBe(false);
    await clock.advance(3000);
    expect(server.connections[0]?.channel.isDestroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('without a reconnect delay, the next request fails unless a connection is ready', async () => {
    const { device, server } = await openSession({ onRequest: saysGoodBye });
    await failure(device.read(0, byte()));
    await turn();
    expect(device.state).toBe('connecting-nowait');
    expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_CONNECT_NONE_YET' });
    server.onRequest = undefined;
    await device.read(0, byte());
    expect(device.state).toBe('connected');
  });

  it('during close, the good-bye is said once', async () => {
    const { device, server, held, clock } = await heldSession();
    const reading = failure(device.read(0, byte()));
    await turn();
    const closing = device.close();
    held[0]?.fail(WireError.Eshutdown);
    await reading;
    await closing;
    expect(server.requestsOf(Command.Disconnect)).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
