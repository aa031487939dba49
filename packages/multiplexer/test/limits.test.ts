/** Time limits, in virtual time. */
import { ConnectionLostError, TimeoutError } from '@nbdjs/interfaces';
import { Command, WireError } from '@nbdjs/protocol';
import type { FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type SessionOptions, same, standing, turn } from './session.ts';

const silent: SessionOptions = { onRequest: () => {} };
const byte = () => new Uint8Array(1);

describe('requestTimeoutMs', () => {
  const limited = { multiplexer: { requestTimeoutMs: 1000 } };

  it('ends a request that is not answered, and nothing else', async () => {
    const { device, server, clock } = await openSession({ ...silent, ...limited });
    const late = failure(device.read(0, byte()));
    await clock.advance(600);
    const other = device.read(1, byte());
    await clock.advance(399);
    const [first, second] = server.requests as [FakeRequest, FakeRequest];
    second.answer();
    await other;
    await clock.advance(1);
    const error = await late;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ phase: 'request', message: 'READ of 1 bytes at 0: no answer within 1000 ms' });
    // The late reply is taken for what it is.
    first.answer();
    server.onRequest = undefined;
    await device.read(0, byte());
    expect(device.state).toBe('connected');
    await device.close();
    expect(clock.pending).toBe(0);
  });

  it('ends a request that the server sent back by ESHUTDOWN while it keeps others waiting (found by fuzzing)', async () => {
    const multiplexer = { requestTimeoutMs: 1000, reconnectDelayMs: 60_000 };
    const { device, server, clock } = await openSession({ ...silent, multiplexer });
    const unanswered = failure(device.read(1, byte()));
    const late = failure(device.read(0, byte()));
    const aborting = new AbortController();
    const aborted = failure(device.read(2, byte(), { signal: aborting.signal }));
    await turn();
    for (const request of server.requests.slice(1)) request.fail(WireError.Eshutdown);
    await turn();
    aborting.abort(new Error('changed my mind'));
    expect(await aborted).toBe(aborting.signal.reason);
    await clock.advance(1000);
    expect(await late).toMatchObject({ phase: 'request' });
    expect(await unanswered).toMatchObject({ phase: 'request' });
    device.destroy();
  });

  it('lands no byte of a late reply', async () => {
    const { device, server, clock } = await openSession({ ...silent, ...limited });
    const target = new Uint8Array(200_000);
    const late = failure(device.read(0, target));
    await clock.advance(1000);
    await late;
    server.requests[0]?.answer();
    await turn();
    expect(same(target, new Uint8Array(200_000))).toBe(true);
  });

  it('counts the time in the queue, too', async () => {
    const { device, clock } = await openSession({
      ...silent,
      multiplexer: { requestTimeoutMs: 1000, requestsInFlightMax: 1 },
    });
    const errors = [0, 1].map((offset) => failure(device.read(offset, byte())));
    await clock.advance(1000);
    for (const error of errors) expect(await error).toMatchObject({ phase: 'request' });
  });

  it('counts the time without a connection, too', async () => {
    const { device, server, clock } = await openSession({
      ...silent,
      multiplexer: { requestTimeoutMs: 1000, reconnectDelayMs: 60_000 },
    });
    const reading = failure(device.read(0, byte()));
    await clock.advance(500);
    server.connector.down();
    server.connection.hangUp();
    await clock.advance(499);
    const waiting = standing(device.read(1, byte()));
    await clock.advance(1);
    expect(await reading).toMatchObject({ phase: 'request' });
    expect(waiting()).toBe('pending');
    await clock.advance(1000);
    expect(waiting()).toBe('rejected');
  });

  it('gives up a connection that does not take the bytes of a write: its memory is the caller`s again', async () => {
    const { device, server, clock } = await openSession({
      multiplexer: { requestTimeoutMs: 1000, reconnectDelayMs: 10_000 },
    });
    server.connection.channel.block();
    const source = new Uint8Array(100_000).fill(1);
    const writing = failure(device.write(0, source));
    await clock.advance(500);
    const other = device.read(0, byte());
    await clock.advance(500);
    expect(await writing).toMatchObject({ phase: 'request' });
    await other;
    expect(server.connections).toHaveLength(2);
    expect(server.connections[0]?.channel.isDestroyed).toBe(true);
  });

  it('does not run while nothing is under way', async () => {
    const { device, clock } = await openSession(limited);
    await device.read(0, byte());
    await clock.advance(5000);
    expect(clock.pending).toBe(0);
    await device.close();
  });

  it('is reached by a server that answers one byte a second', async () => {
    const { device, server, clock } = await openSession({
      ...silent,
      multiplexer: { requestTimeoutMs: 5000, silenceMs: 3000 },
    });
    const reading = failure(device.read(0, new Uint8Array(100)));
    await turn();
    for (let count = 0; count < 5; count++) {
      server.connection.send(new Uint8Array([[0x66, 0x8e, 0x33, 0xef, 0][count] as number]));
      await clock.advance(1000);
    }
    expect(await reading).toMatchObject({ name: 'TimeoutError', phase: 'request' });
  });
});

describe('silenceMs', () => {
  const limited = { multiplexer: { silenceMs: 1000 } };

  it('ends a connection on which an answer is owed and nothing comes', async () => {
    const { device, server, clock } = await openSession({ ...silent, ...limited });
    await clock.advance(10_000);
    expect(device.state).toBe('connected');
    const reading = failure(device.read(0, byte()));
    await clock.advance(999);
    expect(device.state).toBe('connected');
    await clock.advance(1);
    const error = await reading;
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ outcome: 'unknown', cause: { name: 'TimeoutError', phase: 'silence' } });
    expect(server.connection.channel.isDestroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('with a reconnect delay, what was in flight goes by the next one', async () => {
    const { device, server, clock } = await openSession({
      ...silent,
      multiplexer: { silenceMs: 1000, reconnectDelayMs: 10_000 },
    });
    const reading = device.read(0, byte());
    await clock.advance(999);
    server.onRequest = undefined;
    await clock.advance(1);
    await reading;
    expect(server.connections).toHaveLength(2);
  });

  it('is not reached by a server that stops in the middle of a reply before that time', async () => {
    const { device, server, clock } = await openSession({ ...silent, ...limited });
    const reading = failure(device.read(0, byte()));
    await clock.advance(900);
    server.connection.send(new Uint8Array([0x66, 0x8e]));
    await clock.advance(999);
    expect(device.state).toBe('connected');
    await clock.advance(1);
    expect(await reading).toMatchObject({ cause: { phase: 'silence' } });
  });

  it('notices a server that does not take what it is sent', async () => {
    const { device, server, clock } = await openSession(limited);
    server.connection.channel.block();
    const writing = failure(device.write(0, new Uint8Array(100_000)));
    await clock.advance(1000);
    expect(await writing).toMatchObject({ cause: { phase: 'silence' } });
  });
});

describe('keepAliveMs', () => {
  it('asks for a block when nothing has arrived, and notices when no answer comes', async () => {
    const { device, server, clock } = await openSession({ multiplexer: { keepAliveMs: 10_000, silenceMs: 1000 } });
    await clock.advance(35_000);
    expect(server.requestsOf(Command.Read)).toHaveLength(3);
    expect(device.state).toBe('connected');
    server.onRequest = () => {};
    await clock.advance(10_999);
    expect(device.state).toBe('connecting-nowait');
    expect(server.connection.channel.isDestroyed).toBe(true);
    await device.close();
    expect(clock.pending).toBe(0);
  });

  it('asks for nothing while there is traffic', async () => {
    const { device, server, clock } = await openSession({ multiplexer: { keepAliveMs: 1000 } });
    for (let round = 0; round < 10; round++) {
      await device.write(0, byte());
      await clock.advance(900);
    }
    expect(server.requestsOf(Command.Read)).toHaveLength(0);
    await device.close();
    expect(clock.pending).toBe(0);
  });
});
