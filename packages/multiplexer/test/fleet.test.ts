/** Several connections at a time, in virtual time. */
import { NegotiationError } from '@nbdjs/interfaces';
import { Command, TransmissionFlag } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeConnection, type FakeRequest, Forgetful } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type SessionOptions, turn } from './session.ts';

const facts = { transmissionFlags: allTransmissionFlags | TransmissionFlag.CanMultiConn };
const byte = () => new Uint8Array(1);

async function fleetSession(options: SessionOptions = {}) {
  const session = await openSession({
    facts,
    ...options,
    multiplexer: { connections: 4, reconnectDelayMs: 10_000, ...options.multiplexer },
  });
  for (let round = 0; round < 5; round++) await turn();
  return session;
}

/** How many requests arrived by each connection, the probes of the device itself left out. */
function shares(connections: readonly FakeConnection[], requests: readonly FakeRequest[]): readonly number[] {
  return connections.map(
    (connection) => requests.filter((request) => request.connection === connection && !isProbe(request)).length,
  );
}

function isProbe({ command, length }: FakeRequest): boolean {
  return command === Command.Read && length === 512n;
}

describe('several connections', () => {
  it('are made where the server allows it', async () => {
    const { server, device } = await fleetSession();
    expect(server.connections).toHaveLength(4);
    await device.close();
    expect(server.connections.every(({ hasDisconnected }) => hasDisconnected)).toBe(true);
  });

  it('are not made where it does not', async () => {
    const { server } = await fleetSession({ facts: {} });
    expect(server.connections).toHaveLength(1);
  });

  it('share the load', async () => {
    const { server, device } = await fleetSession({ onRequest: () => {} });
    for (const probe of server.requests.filter(isProbe)) probe.answer();
    await turn();
    for (let index = 0; index < 40; index++) void device.read(index, byte()).catch(() => {});
    await turn();
    expect(shares(server.connections, server.requests)).toEqual([10, 10, 10, 10]);
    device.destroy();
  });

  it('have limits of their own: one that is slow does not hold up the others', async () => {
    const { server, device } = await fleetSession({ multiplexer: { requestsInFlightMax: 2 } });
    const [slow] = server.connections;
    server.onRequest = (request) => {
      if (request.connection !== slow) request.answer();
    };
    const reads = Array.from({ length: 50 }, (_, index) => device.read(index, byte()));
    let answered = 0;
    for (const read of reads) read.then(() => answered++);
    for (let round = 0; round < 50; round++) await turn();
    expect(answered).toBe(48);
    server.onRequest = undefined;
    slow?.hangUp();
    await Promise.all(reads);
  });

  it('one that is lost fails nothing: its requests go by the others, and it is replaced', async () => {
    const { server, device } = await fleetSession();
    server.onRequest = () => {};
    const reads = Array.from({ length: 8 }, (_, index) => device.read(index, byte()));
    await turn();
    const connections = server.connections.slice();
    server.onRequest = undefined;
    connections[2]?.hangUp();
    for (const request of server.requests.filter((one) => !isProbe(one))) {
      if (request.connection !== connections[2]) request.answer();
    }
    await Promise.all(reads);
    expect(device.state).toBe('connected');
    for (let round = 0; round < 5; round++) await turn();
    expect(server.connections).toHaveLength(5);
    expect(device.statistics.requestsResent).toBe(2);
  });

  it('are all replaced after all are lost', async () => {
    const { server, device } = await fleetSession();
    for (const connection of server.connections) connection.hangUp();
    await turn();
    expect(device.state).toBe('connecting-wait');
    await device.read(0, byte());
    for (let round = 0; round < 8; round++) await turn();
    expect(server.connections).toHaveLength(8);
  });

  it('stay as few as the server lets in', async () => {
    const { server, device, clock } = await openSession({
      facts,
      multiplexer: { connections: 4, reconnectDelayMs: 10_000 },
    });
    await turn();
    const refusal = new NegotiationError('ERR_NBD_POLICY', 'that is enough');
    server.connector.down(refusal);
    server.connections[1]?.hangUp();
    await turn();
    await device.read(0, byte());
    await turn();
    server.connector.fail(refusal);
    await turn();
    const calls = server.connector.calls.length;
    for (let index = 0; index < 20; index++) await device.read(index, byte());
    expect(server.connector.calls).toHaveLength(calls);
    expect(device.state).toBe('connected');
    await device.close();
    expect(clock.pending).toBe(0);
  });

  it('have to lead to the same export', async () => {
    const { server, device } = await openSession({ facts, multiplexer: { connections: 2 } });
    await device.read(0, byte());
    await turn();
    server.facts = { ...server.facts, size: 1024n };
    server.connections[1]?.hangUp();
    await turn();
    await device.read(0, byte()).catch(() => {});
    for (let round = 0; round < 3; round++) await turn();
    expect(await failure(device.read(0, byte()))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(await device.closed).toMatchObject({ code: 'ERR_NBD_FACTS_CHANGED' });
    await turn();
    expect(server.connections.every(({ channel }) => channel.isDestroyed)).toBe(true);
  });

  it('a violation on one is the end of all', async () => {
    const { server, device } = await fleetSession();
    server.onRequest = () => {};
    const reads = Array.from({ length: 8 }, (_, index) => failure(device.read(index, byte())));
    await turn();
    server.connections[1]?.send(new TextEncoder().encode('this is no reply'));
    for (const error of await Promise.all(reads)) expect(error).toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST' });
    await turn();
    expect(server.connections.every(({ channel }) => channel.isDestroyed)).toBe(true);
    expect(await device.closed).toMatchObject({ code: 'ERR_NBD_PROTOCOL' });
  });

  it('all lost at once are one loss: if one was of use, the next connection is made without a pause', async () => {
    const { server, device } = await fleetSession();
    for (let crash = 0; crash < 5; crash++) {
      await device.write(crash, byte());
      // One has answered; the others have just been made, and are on probation.
      server.onRequest = (request) => {
        if (!isProbe(request)) request.answer();
      };
      for (const connection of server.connections) connection.hangUp();
      await turn();
      // No time passes.
      await device.write(crash, byte());
      for (let round = 0; round < 5; round++) await turn();
      expect(server.connections.length).toBeGreaterThan(4 * (crash + 1));
    }
    device.destroy();
  });

  it('all lost at once, again and again without an answer, do make it pause', async () => {
    const { server, device, clock } = await fleetSession();
    server.onRequest = (request) => {
      for (const connection of server.connections) if (connection === request.connection) connection.hangUp();
    };
    const writing = failure(device.write(0, byte()));
    await clock.advance(9999);
    // Four to begin with, two at once, then pauses of 250, 500, ... ms.
    expect(server.connections.length).toBeLessThan(4 + 2 * 8);
    await clock.advance(1);
    expect(await writing).toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST' });
    expect(clock.pending).toBe(0);
  });

  it('a flush goes once, by any of them, behind the replies to all writes (C49)', async () => {
    const { server, device } = await fleetSession();
    await Promise.all(Array.from({ length: 20 }, (_, index) => device.write(index * 10, byte())));
    await device.flush();
    expect(server.requestsOf(Command.Flush)).toHaveLength(1);
  });
});

describe('a new connection beside others', () => {
  it('is used only when one of them has answered since: until then it may lead to another run of the server', async () => {
    const { server, device } = await fleetSession({ multiplexer: { connections: 2 } });
    await device.write(0, Uint8Array.of(7));
    const [first, second] = server.connections;
    const probes: FakeRequest[] = [];
    server.onRequest = (request) => {
      if (isProbe(request)) probes.push(request);
      else request.answer();
    };
    second?.hangUp();
    await device.read(0, byte());
    await turn();
    const [, , third] = server.connections;
    for (let index = 0; index < 20; index++) await device.read(index, byte());
    expect(probes.map(({ connection }) => connection)).toEqual([first]);
    expect(shares(third === undefined ? [] : [third], server.requests)).toEqual([0]);
    probes[0]?.answer();
    await turn();
    await Promise.all(Array.from({ length: 20 }, (_, index) => device.read(index, byte())));
    expect(shares(third === undefined ? [] : [third], server.requests)[0]).toBeGreaterThan(0);
    expect(device.statistics.requestsReplayed).toBe(0);
  });

  it('begins a new era when none of them lives to answer: what was not flushed is replayed', async () => {
    const { server, device } = await fleetSession({ multiplexer: { connections: 2 } });
    const forgetful = new Forgetful(server);
    await Promise.all([device.write(0, Uint8Array.of(7)), device.write(1, Uint8Array.of(8))]);
    const [first, second] = server.connections;
    // The server was restarted. One connection notices at once, the other one only later.
    server.content.fill(0);
    server.onRequest = (request) => {
      if (request.connection !== first) forgetful.answer(request);
    };
    second?.hangUp();
    const reading = device.read(0, byte());
    for (let round = 0; round < 5; round++) await turn();
    expect(server.connections).toHaveLength(3);
    expect(shares(server.connections.slice(2), server.requests)).toEqual([0]);
    first?.hangUp();
    await reading;
    expect([...server.content.subarray(0, 2)]).toEqual([7, 8]);
    await device.flush();
    forgetful.crash();
    expect([...server.content.subarray(0, 2)]).toEqual([7, 8]);
  });

  it('one that is cut again and again costs no replay as long as the others live', async () => {
    const { server, device } = await fleetSession();
    for (let round = 0; round < 50; round++) {
      await device.write(round, byte());
      server.connections.at(-1 - (round % 3))?.hangUp();
      await Promise.all(Array.from({ length: 10 }, (_, index) => device.read(index, byte())));
    }
    expect(device.statistics.requestsReplayed).toBe(0);
    expect(server.connections.length).toBeGreaterThan(30);
    await device.close();
  });
});
