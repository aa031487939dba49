/** When requests leave, and how many at a time. */
import { Command, encodeSimpleReply } from '@nbdjs/protocol';
import { type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type SessionOptions, same, standing, turn } from './session.ts';

async function heldSession(options: SessionOptions = {}) {
  const held: FakeRequest[] = [];
  const session = await openSession({ ...options, onRequest: (request) => void held.push(request) });
  return { ...session, held };
}

/** A session whose event loop turns by hand. */
async function handTurned(busyPollMs = 0) {
  const tasks: (() => void)[] = [];
  const nextTurn = (task: () => void): void => void tasks.push(task);
  const session = await heldSession({ multiplexer: { nextTurn, busyPollMs } });
  return {
    ...session,
    tasks,
    /** The next turn comes, and what it wakes. */
    turnLoop: async (): Promise<void> => {
      for (const task of tasks.splice(0)) task();
      await turn();
    },
  };
}
type HandTurned = Awaited<ReturnType<typeof handTurned>>;

/** Lanes that read without end; those of a depth are in flight when this returns. */
async function startLanes({ device }: HandTurned, depth: number, length = 512): Promise<void> {
  const lane = async (): Promise<void> => {
    const target = new Uint8Array(length);
    for (;;) await device.read(0, target);
  };
  for (let index = 0; index < depth; index++) lane().catch(() => {});
  await turn();
}

/** One more delivery, of one reply. */
async function deliver({ held }: HandTurned): Promise<void> {
  held.shift()?.answer();
  await turn();
}

describe('batching', () => {
  it('requests of one turn leave in one send', async () => {
    const { server, device } = await openSession();
    await Promise.all([
      device.read(0, new Uint8Array(8)),
      device.write(8, new Uint8Array(100)),
      device.flush(),
      device.trim(0, 8),
      device.blockStatus(0, 8),
    ]);
    expect(server.connection.channel.sends).toEqual([5 * 28 + 100]);
  });

  it('so do those that are issued when the replies of one delivery wake their owners', async () => {
    const { server, device } = await openSession();
    const lane = async (index: number): Promise<void> => {
      for (let round = 0; round < 10; round++) await device.read(index, new Uint8Array(8));
    };
    await Promise.all(Array.from({ length: 64 }, (_, index) => lane(index)));
    expect(server.requests).toHaveLength(640);
    // The fake server delivers each reply by itself; still, far fewer sends than requests are needed.
    expect(server.connection.channel.sends.length).toBeLessThanOrEqual(640);
    expect(server.connection.channel.sends[0]).toBe(64 * 28);
  });

  it('payloads of any length go behind their headers, in order', async () => {
    const { server, device } = await openSession({ content: new Uint8Array(2_000_000) });
    const lengths = [1, 8192, 16_384, 16_385, 300_000, 5, 262_144, 100_000, 16_384, 16_384];
    let offset = 0;
    const model = new Uint8Array(2_000_000);
    const writes = lengths.map((length, index) => {
      const source = patternBytes(length).map((byte) => byte ^ index);
      model.set(source, offset);
      offset += length;
      return device.write(offset - length, source);
    });
    await Promise.all(writes);
    expect(same(server.content, model)).toBe(true);
    expect(server.connection.channel.sends).toHaveLength(1);
    expect(device.statistics.bytesSent).toBe(lengths.length * 28 + offset);
  });

  it('more headers than fit one block of memory', async () => {
    const { server, device } = await openSession({ multiplexer: { requestsInFlightMax: 20_000 } });
    for (let round = 0; round < 2; round++) {
      await Promise.all(Array.from({ length: 10_000 }, (_, index) => device.read(index, new Uint8Array(1))));
    }
    expect(server.requests).toHaveLength(20_000);
    expect(server.requests.every(({ offset }, index) => offset === BigInt(index % 10_000))).toBe(true);
  });
});

describe('gathering', () => {
  it('does not happen while few are in flight', async () => {
    const session = await handTurned();
    await startLanes(session, 32);
    await deliver(session);
    expect(session.tasks).toHaveLength(0);
    expect(session.server.connection.channel.sends).toEqual([32 * 28, 28]);
    session.device.destroy();
  });

  it('goes on for as long as replies stream in, up to eight', async () => {
    const session = await handTurned();
    await startLanes(session, 64);
    const { sends } = session.server.connection.channel;
    expect(sends).toEqual([64 * 28]);
    for (let count = 1; count < 8; count++) {
      await deliver(session);
      await session.turnLoop();
      expect(sends).toEqual([64 * 28]);
    }
    await deliver(session);
    await session.turnLoop();
    expect(sends).toEqual([64 * 28, 8 * 28]);
    expect(session.tasks).toHaveLength(0);
    session.device.destroy();
  });

  it('ends as soon as a turn has brought nothing more', async () => {
    const session = await handTurned();
    await startLanes(session, 64);
    const { sends } = session.server.connection.channel;
    await deliver(session);
    await deliver(session);
    // This turn began before it could be known.
    await session.turnLoop();
    expect(sends).toEqual([64 * 28]);
    await session.turnLoop();
    expect(sends).toEqual([64 * 28, 2 * 28]);
    expect(session.tasks).toHaveLength(0);
    session.device.destroy();
  });

  it('leaves the server 31 of the short requests, and all long ones', async () => {
    for (const [length, batch] of [
      [512, 4],
      [40_000, 1],
    ] as const) {
      const session = await handTurned();
      await startLanes(session, 35, length);
      for (let count = 0; count < batch; count++) {
        expect(session.server.connection.channel.sends).toEqual([35 * 28]);
        await deliver(session);
        await session.turnLoop();
      }
      expect(session.server.connection.channel.sends).toEqual([35 * 28, batch * 28]);
      session.device.destroy();
    }
  });

  it('does not outlive the connection', async () => {
    const session = await handTurned();
    await startLanes(session, 64);
    await deliver(session);
    session.server.connection.hangUp();
    await turn();
    await session.turnLoop();
    const target = new Uint8Array(8);
    const reading = session.device.read(8, target);
    await turn();
    session.held.at(-1)?.answer();
    await reading;
    expect(same(target, session.server.content.subarray(8, 16))).toBe(true);
    session.device.destroy();
  });

  it('long payloads leave on the next turn, with all that was issued until then', async () => {
    const session = await handTurned();
    const writing = session.device.write(0, new Uint8Array(40_000));
    const reading = session.device.read(0, new Uint8Array(8));
    await turn();
    expect(session.server.connection.channel.sends).toEqual([]);
    await session.turnLoop();
    expect(session.server.connection.channel.sends).toEqual([28 + 40_000 + 28]);
    for (const request of session.held) request.answer();
    await Promise.all([writing, reading]);
  });
});

describe('while sending is blocked', () => {
  it('C62: replies are read, and nothing more is given to the channel', async () => {
    const { server, device, held } = await heldSession();
    const first = device.read(0, new Uint8Array(8));
    await turn();
    const { channel } = server.connection;
    channel.block();
    const second = device.read(8, new Uint8Array(8));
    await turn();
    const third = device.read(16, new Uint8Array(8));
    await turn();
    expect(channel.sends).toEqual([28, 28]);
    held.shift()?.answer();
    await first;
    await turn();
    expect(channel.sends).toEqual([28, 28]);
    channel.unblock();
    await turn();
    expect(channel.sends).toEqual([28, 28, 28]);
    for (const request of held) request.answer();
    await Promise.all([second, third]);
  });

  it('the memory that was given away is left alone until it is free', async () => {
    const { server, device } = await openSession({ content: new Uint8Array(1_000_000) });
    const { channel } = server.connection;
    const model = new Uint8Array(1_000_000);
    const writes: Promise<void>[] = [];
    for (let round = 0; round < 20; round++) {
      channel.block();
      for (let index = 0; index < 10; index++) {
        const offset = (round * 10 + index) * 5000;
        const source = patternBytes(5000).map((byte) => byte ^ (round * 10 + index));
        model.set(source, offset);
        writes.push(device.write(offset, source) as Promise<void>);
        if (index % 3 === 0) await turn();
      }
      await turn();
      channel.unblock();
      await turn();
    }
    await Promise.all(writes);
    // The channel hands over what it was lent only when it is unblocked: headers that were reused would show.
    expect(same(server.content, model)).toBe(true);
    expect(server.requestsOf(Command.Write)).toHaveLength(200);
  });

  it('a write settles only when its bytes have left, even if the server answers before', async () => {
    const { server, device } = await openSession();
    const { channel } = server.connection;
    // A server can only guess a cookie; the first ones are easy to guess.
    const probe: { high: number; low: number }[] = [];
    server.onRequest = (request) => {
      probe.push(request.cookie);
      request.answer();
    };
    await device.read(0, new Uint8Array(1));
    channel.block();
    const source = new Uint8Array(100_000).fill(1);
    const writing = device.write(0, source) as Promise<void>;
    const state = standing(writing);
    await turn();
    const { high, low } = probe[0] as { high: number; low: number };
    server.connection.send(encodeSimpleReply({ high: high + 1, low }, 0));
    await turn();
    expect(state()).toBe('pending');
    server.onRequest = () => {};
    channel.unblock();
    await writing;
    expect(server.requestsOf(Command.Write)[0]?.payload.every((byte) => byte === 1)).toBe(true);
  });
});

describe('limits', () => {
  it('so many requests are in flight at a time, and the others wait in order', async () => {
    const { device, held, server } = await heldSession({ multiplexer: { requestsInFlightMax: 3 } });
    const reads = Array.from({ length: 10 }, (_, index) => device.read(index, new Uint8Array(1)));
    const order: bigint[] = [];
    while (order.length < 10) {
      await turn();
      expect(held.length).toBe(Math.min(3, 10 - order.length));
      const request = held.shift() as FakeRequest;
      order.push(request.offset);
      request.answer();
    }
    await Promise.all(reads);
    expect(order).toEqual(Array.from({ length: 10 }, (_, index) => BigInt(index)));
    expect(server.requests).toHaveLength(10);
  });

  it('so many bytes are in flight at a time, both ways', async () => {
    const { device, held } = await heldSession({ multiplexer: { bytesInFlightMax: 1000 } });
    const calls = [
      device.read(0, new Uint8Array(400)),
      device.write(0, new Uint8Array(400)),
      device.read(0, new Uint8Array(400)),
      device.flush(),
    ];
    await turn();
    // The flush would fit, but no request overtakes another.
    expect(held.map(({ command }) => command)).toEqual([Command.Read, Command.Write]);
    held.shift()?.answer();
    await turn();
    expect(held.map(({ command }) => command)).toEqual([Command.Write, Command.Read, Command.Flush]);
    for (const request of held) request.answer();
    await Promise.all(calls);
  });

  it('a request that is larger than all limits goes alone', async () => {
    const { device, held } = await heldSession({ multiplexer: { bytesInFlightMax: 1000 } });
    const calls = [1, 5000, 1].map((length, index) => device.read(index, new Uint8Array(length)));
    await turn();
    expect(held.map(({ length }) => length)).toEqual([1n]);
    held.shift()?.answer();
    await turn();
    expect(held.map(({ length }) => length)).toEqual([5000n]);
    held.shift()?.answer();
    await turn();
    expect(held.map(({ length }) => length)).toEqual([1n]);
    held.shift()?.answer();
    await Promise.all(calls);
  });

  it('an abandoned request counts until it is answered, and not longer', async () => {
    const { device, held } = await heldSession({ multiplexer: { bytesInFlightMax: 1000, requestsInFlightMax: 2 } });
    for (let round = 0; round < 5; round++) {
      const abort = new AbortController();
      const abandoned = failure(device.read(0, new Uint8Array(900), { signal: abort.signal }));
      await turn();
      abort.abort(new Error('enough'));
      await abandoned;
      const next = device.read(1, new Uint8Array(900));
      await turn();
      expect(held).toHaveLength(1);
      held.shift()?.answer();
      await turn();
      expect(held).toHaveLength(1);
      held.shift()?.answer();
      await next;
    }
  });

  it('when one that does not fit is abandoned, those behind it may go', async () => {
    const { device, held } = await heldSession({ multiplexer: { bytesInFlightMax: 1000 } });
    const abort = new AbortController();
    const first = device.read(0, new Uint8Array(600));
    const big = failure(device.read(0, new Uint8Array(600), { signal: abort.signal }));
    const small = device.read(0, new Uint8Array(100));
    await turn();
    expect(held).toHaveLength(1);
    abort.abort();
    await big;
    await turn();
    expect(held.map(({ length }) => length)).toEqual([600n, 100n]);
    for (const request of held) request.answer();
    await Promise.all([first, small]);
  });
});

describe('statistics', () => {
  it('count bytes and messages', async () => {
    const { device, server } = await openSession({
      onRequest: (request) => {
        if (request.command !== Command.Read) return request.answer();
        request.answerRead([
          { type: 'hole', offset: 0n, length: 10 },
          { type: 'data', offset: 10n, length: 20 },
        ]);
      },
    });
    await device.read(0, new Uint8Array(30));
    await device.write(0, new Uint8Array(50));
    await device.close();
    expect(device.statistics).toEqual({
      bytesSent: 3 * 28 + 50,
      bytesReceived: 32 + (28 + 20) + 16,
      requestsSent: 3,
      repliesReceived: 2,
      chunksReceived: 3,
      connections: 1,
      requestsResent: 0,
      requestsReplayed: 0,
    });
    expect(server.connection.hasDisconnected).toBe(true);
  });
});

describe('taking in replies', () => {
  /** How many bytes the client takes at once when all but so many of 16 reads are answered. */
  async function roomWith(inFlight: number, length: number): Promise<number> {
    const { server, device, held } = await heldSession();
    for (let count = 0; count < 16; count++) device.read(0, new Uint8Array(length)).catch(() => {});
    await turn();
    for (const request of held.splice(inFlight)) request.answer();
    await turn();
    const { roomBytes } = server.connection.channel;
    device.destroy();
    return roomBytes;
  }

  it('takes no more at once than is awaited, so that the server gets the next requests meanwhile', async () => {
    expect(await roomWith(12, 4096)).toBe(12 * (4096 + 40));
    expect(await roomWith(8, 4096)).toBe(8 * (4096 + 40));
  });

  it('takes some replies at once even if hardly any is awaited', async () => {
    expect(await roomWith(1, 4096)).toBe(8 * 1024 + 64);
  });

  it('takes what there is when nothing is awaited, or replies are long', async () => {
    expect(await roomWith(0, 4096)).toBe(256 * 1024);
    expect(await roomWith(3, 32 * 1024)).toBe(256 * 1024);
  });
});

describe('busy polling', () => {
  /** How many turns are asked for after a delivery, when the replies before it came at once. */
  async function turnsAsked(depth: number, length?: number, busyPollMs = 0.1): Promise<number> {
    const session = await handTurned(busyPollMs);
    await startLanes(session, depth, length);
    for (let count = 0; count < 2; count++) await deliver(session);
    const { length: turns } = session.tasks;
    session.device.destroy();
    return turns;
  }

  it('looks for the reply of a server that answers quickly', async () => {
    expect(await turnsAsked(1)).toBe(1);
    expect(await turnsAsked(3)).toBe(1);
  });

  it('looks for long replies, however many are in flight', async () => {
    expect(await turnsAsked(16, 128 * 1024)).toBe(1);
  });

  it('leaves replies of middle length to come together, too', async () => {
    expect(await turnsAsked(16, 64 * 1024)).toBe(0);
  });

  it('looks for short replies, until there are so many that some come in each turn', async () => {
    expect(await turnsAsked(16)).toBe(1);
    expect(await turnsAsked(16, 31 * 1024)).toBe(1);
    // One more is the turn in which requests gather.
    expect(await turnsAsked(127)).toBe(2);
    expect(await turnsAsked(140)).toBe(1);
  });

  it('stops when time has passed, and when nothing is in flight', async () => {
    const session = await handTurned(0.1);
    await startLanes(session, 1);
    for (let count = 0; count < 2; count++) await deliver(session);
    await session.turnLoop();
    expect(session.tasks).toHaveLength(1);
    await session.clock.advance(1);
    await session.turnLoop();
    expect(session.tasks).toHaveLength(0);
    session.device.destroy();
  });

  it('can be switched off', async () => {
    expect(await turnsAsked(1, 512, 0)).toBe(0);
    expect(await turnsAsked(16, 128 * 1024, 0)).toBe(0);
  });
});
