/** What clients may and may not do to a server, in virtual time. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { Command, CommandFlag, encodeClientFlags, encodeOption, encodeOptionRequest, Option } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import type { GivenLimits } from '../src/index.ts';
import { HostileClient, header, startServer, turns, wayIn } from './hostile-client.ts';
import { connectTo } from './support.ts';
import { wrapped } from './wrapped-device.ts';

const mebi = 2 ** 20;
const exports = { '': createMemoryDevice({ size: 64 * mebi }) };
const byte = Uint8Array.of(0);

/** A device without memory of its own to lend, which answers in a later turn. */
function distant(size = 64 * mebi): BlockDevice {
  return wrapped(createMemoryDevice({ size }), async (_command, go) => {
    await new Promise((next) => setImmediate(next));
    return go();
  });
}

/** A read with nothing left out, not even zeroes. */
const wholeRead = (length: number): Uint8Array => header(Command.Read, 0, length, CommandFlag.Df);

describe('the handshake', () => {
  it('is over for a client that says a byte now and then when its time is up, and no later', async () => {
    const { server, clock } = startServer({ exports, limits: { handshakeMs: 10_000 } });
    const client = new HostileClient(server);
    // The first four are its flags; then an option begins that has no end.
    for (let second = 0; second < 13; second++) {
      expect(client.isCutOff).toBe(false);
      client.say(byte);
      await turns(3);
      await clock.advance(1000);
    }
    await client.gone;
    expect(server.clients.cutOff['handshake-time']).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('is over, too, for a client that has said good-bye and stays', async () => {
    const { server, clock } = startServer({ exports, limits: { handshakeMs: 10_000 } });
    const client = new HostileClient(server);
    client.say(encodeClientFlags(3), encodeOptionRequest({ option: Option.Abort }));
    client.stopReading();
    await clock.advance(10_000);
    await client.gone;
    expect(server.sessions).toEqual([]);
  });

  it('F32: goes on while the client sends options', async () => {
    const { server, clock } = startServer({ exports, limits: { handshakeMs: 10_000 } });
    const client = new HostileClient(server);
    client.say(encodeClientFlags(3));
    for (let round = 0; round < 100; round++) {
      await clock.advance(9000);
      expect(client.isCutOff).toBe(false);
      client.say(encodeOption(99));
      await turns(3);
    }
    await clock.advance(10_000);
    await client.gone;
    expect(server.clients.cutOff['handshake-time']).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('does not count the time that a provider takes', async () => {
    const provider = {
      open: () => new Promise<undefined>((resolve) => void clock.schedule(100_000, () => resolve(undefined))),
    };
    const { server, clock } = startServer({ exports: provider, limits: { handshakeMs: 10_000 } });
    const client = new HostileClient(server);
    client.say(wayIn);
    await turns();
    await clock.advance(100_000);
    await turns();
    expect(client.isCutOff).toBe(false);
    await server.destroy();
  });

  it('makes room by disconnecting a client without progress, and lets the next one wait while there is none', async () => {
    const { server, clock } = startServer({ exports, limits: { handshakesMax: 2 } });
    const [first, second] = [new HostileClient(server), new HostileClient(server)];
    await clock.advance(1000);
    second.say(encodeClientFlags(3));
    await turns();
    const third = new HostileClient(server);
    await turns();
    expect([first, second, third].map(({ isCutOff }) => isCutOff)).toEqual([false, false, false]);
    expect(third.receivedBytes).toBe(0);
    await clock.advance(2500);
    await turns();
    expect([first, second, third].map(({ isCutOff }) => isCutOff)).toEqual([true, false, false]);
    expect(third.receivedBytes).toBe(18);
    expect(server.clients.cutOff['handshake-crowd']).toBe(1);
    // A client that has finished does not count.
    second.say(wayIn.subarray(4));
    await turns();
    const fourth = new HostileClient(server);
    await turns();
    expect([second, third, fourth].some(({ isCutOff }) => isCutOff)).toBe(false);
    await server.destroy();
    expect(clock.pending).toBe(0);
  });

  it('lets no client wait without limit for clients that always go on sending', async () => {
    const { server, clock } = startServer({ exports, limits: { handshakesMax: 2 } });
    const busy = [new HostileClient(server), new HostileClient(server)];
    for (const client of busy) client.say(encodeClientFlags(3));
    await turns();
    const next = new HostileClient(server);
    for (let second = 0; second < 11; second++) {
      expect([second, next.receivedBytes]).toEqual([second, 0]);
      for (const client of busy) client.say(encodeOption(99));
      await turns();
      await clock.advance(1000);
      if (busy[0]?.isCutOff) break;
    }
    await turns();
    expect([busy[0]?.isCutOff, busy[1]?.isCutOff, next.receivedBytes]).toEqual([true, false, 18]);
    await server.destroy();
  });

  it.each<[string, GivenLimits, readonly Uint8Array[]]>([
    ['many options', { optionsMax: 10 }, Array.from({ length: 11 }, () => encodeOption(99))],
    ['much payload', { optionsBytesMax: 2000 }, Array.from({ length: 3 }, () => encodeOption(99, new Uint8Array(900)))],
  ])('ends with too %s', async (_what, limits, options) => {
    const { server, clock } = startServer({ exports, limits });
    const client = new HostileClient(server);
    client.say(encodeClientFlags(3), ...options);
    await clock.advance(0);
    await client.gone;
    expect(server.clients.cutOff.violation).toBe(1);
  });

  it('answers no further options while a client does not read the answers', async () => {
    let listed = 0;
    const entries = Array.from({ length: 1000 }, (_, index) => ({ name: `${index}`, description: 'x'.repeat(1000) }));
    const { server } = startServer({
      exports: {
        open: () => undefined,
        list: () => {
          listed++;
          return entries;
        },
      },
    });
    const client = new HostileClient(server);
    client.stopReading();
    const list = encodeOptionRequest({ option: Option.List });
    client.say(encodeClientFlags(3), ...Array.from({ length: 20 }, () => list));
    await turns();
    expect(listed).toBe(1);
    expect(server.bytesInFlight).toBeGreaterThan(1_000_000);
    client.stopReading(false);
    await expect.poll(() => listed).toBe(20);
    await server.destroy();
    expect(server.bytesInFlight).toBe(0);
  });

  it('refuses a list that would have to be cut', async () => {
    const provider = { open: () => undefined, list: () => [{ name: 'one' }, { name: 'two' }].map(named) };
    const { server } = startServer({ exports: provider, limits: { listEntriesMax: 1 } });
    const client = new HostileClient(server);
    client.say(encodeClientFlags(3), encodeOptionRequest({ option: Option.List }));
    await turns();
    // The greeting, and one reply that is too short for an export.
    expect(client.receivedBytes).toBe(18 + 20 + '2 exports are too many to be listed'.length);
    await server.destroy();
  });
});

const named = ({ name }: { readonly name: string }) => ({ name, description: '' });

describe('standing still', () => {
  const limits = { stallMs: 4000, sendStallMs: 4000, pressureMs: 1000, closeMs: 1000 };

  it('in the middle of a header ends a connection', async () => {
    const { server, clock } = startServer({ exports, limits });
    const client = new HostileClient(server);
    client.say(wayIn);
    await turns();
    for (let second = 0; second < 5; second++) {
      expect(client.isCutOff).toBe(false);
      client.say(header(Command.Read, 0, 512).subarray(second, second + 1));
      await clock.advance(1000);
    }
    await clock.advance(1000);
    await client.gone;
    expect(server.clients.cutOff.stall).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('in the middle of a payload ends a connection, and going on slowly does not', async () => {
    const { server, clock } = startServer({ exports, limits: { ...limits, progressBytesMin: 1000 } });
    const [lazy, slow] = [new HostileClient(server), new HostileClient(server)];
    for (const client of [lazy, slow]) client.say(wayIn, header(Command.Write, 0, mebi));
    await turns();
    for (let second = 0; second < 10; second++) {
      lazy.say(byte);
      slow.say(new Uint8Array(300));
      await clock.advance(1000);
    }
    expect([lazy.isCutOff, slow.isCutOff]).toEqual([true, false]);
    await server.destroy();
    expect(server.bytesInFlight).toBe(0);
  });

  it('between two requests is not limited', async () => {
    const { server, clock } = startServer({ exports, limits });
    const client = new HostileClient(server);
    client.say(wayIn);
    await turns();
    await clock.advance(1_000_000);
    expect(client.isCutOff).toBe(false);
    await server.destroy();
  });

  it('without reading the replies ends a connection, and nothing is left of it', async () => {
    const { server, clock } = startServer({ exports: { '': distant() }, limits });
    const client = new HostileClient(server);
    client.say(wayIn);
    await turns();
    client.stopReading();
    client.say(...Array.from({ length: 1000 }, () => wholeRead(mebi)));
    await turns();
    expect(server.bytesInFlight).toBeGreaterThanOrEqual(mebi);
    expect(server.bytesInFlight).toBeLessThan(70 * mebi);
    await clock.advance(6000);
    await client.gone;
    expect(server.clients.cutOff.unread).toBe(1);
    expect(server.bytesInFlight).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('ends a rest that is too long, in good order, where there is a limit for that', async () => {
    const { server, clock } = startServer({ exports, limits: { ...limits, idleMs: 8000 } });
    const [idle, busy] = [new HostileClient(server), new HostileClient(server)];
    for (const client of [idle, busy]) client.say(wayIn);
    for (let second = 0; second < 12; second++) {
      await clock.advance(1000);
      busy.say(header(Command.Flush, 0, 0));
      await turns();
    }
    expect([idle.isCutOff, busy.isCutOff]).toEqual([true, false]);
    expect(server.clients.cutOff.idle).toBe(1);
    await server.destroy();
  });

  it('with memory that others wait for ends a connection early', async () => {
    const { server, clock } = startServer({
      exports: { '': distant() },
      limits: { ...limits, stallMs: 60_000, sendStallMs: 60_000, serverBytesMax: 8 * mebi },
    });
    const hoarders = Array.from({ length: 4 }, () => new HostileClient(server));
    for (const client of hoarders) client.say(wayIn, header(Command.Write, 0, 4 * mebi));
    await turns();
    // Two would be more than half.
    expect(server.bytesInFlight).toBe(4 * mebi);
    const honest = new HostileClient(server);
    honest.say(wayIn, wholeRead(4 * mebi));
    for (let second = 0; second < 30; second++) await clock.advance(1000);
    expect(honest.receivedBytes).toBeGreaterThan(4 * mebi);
    expect(honest.isCutOff).toBe(false);
    expect(server.clients.cutOff.pressure).toBeGreaterThan(0);
    await server.destroy();
    expect(server.bytesInFlight).toBe(0);
  });
});

describe('places', () => {
  const limits = { connectionsMax: 2, waitMs: 8000, placeMs: 4000, closeMs: 1000 };
  const isThrough = ({ receivedBytes }: HostileClient): boolean => receivedBytes > 100;

  it('B4: every client is greeted and answered, and waits only for an export to be opened', async () => {
    const { server, clock } = startServer({ exports, limits: { ...limits, handshakesMax: 3 } });
    const clients = Array.from({ length: 20 }, () => new HostileClient(server));
    for (const client of clients) client.say(encodeClientFlags(3), encodeOptionRequest({ option: Option.List }));
    await clock.advance(1000);
    // Those in the handshake go on; the others are greeted as soon as these are through.
    for (const client of clients) client.say(wayIn.subarray(4));
    for (let round = 0; round < 40 && clients.some((client) => !isThrough(client)); round++) {
      await clock.advance(250);
      await turns();
      clients.find((client) => isThrough(client) && !client.isCutOff)?.say(header(Command.Disconnect, 0, 0));
      await turns();
    }
    expect(clients.filter(isThrough)).toHaveLength(20);
    expect(server.clients.refused['no-place']).toBe(0);
    await server.destroy();
    expect(clock.pending).toBe(0);
  });

  it('are waited for as long as those who have one do something', async () => {
    const { server, clock } = startServer({ exports, limits });
    const [one, other, late] = [new HostileClient(server), new HostileClient(server), new HostileClient(server)];
    for (const client of [one, other, late]) client.say(wayIn);
    for (let second = 0; second < 60; second++) {
      await clock.advance(1000);
      one.say(header(Command.Flush, 0, 0));
      await turns();
    }
    expect(isThrough(late)).toBe(false);
    other.leave();
    await turns();
    expect(isThrough(late)).toBe(true);
    await server.destroy();
    expect(clock.pending).toBe(0);
  });

  it('D6: clients that wait for each other do not wait for ever: the last one is told, and the others go on', async () => {
    const { server, clock } = startServer({ exports, limits });
    // Two programs that each have one connection and want another.
    const had = [new HostileClient(server), new HostileClient(server)];
    for (const client of had) client.say(wayIn);
    await turns();
    const wanted = [new HostileClient(server), new HostileClient(server)];
    for (const client of wanted) client.say(wayIn);
    const answered = () => wanted.map(({ receivedBytes }) => receivedBytes);
    await turns();
    const before = answered();
    await clock.advance(7000);
    expect(answered()).toEqual(before);
    await clock.advance(1000);
    expect(answered().map((bytes, index) => bytes > (before[index] ?? 0))).toEqual([false, true]);
    expect(server.clients.refused['no-place']).toBe(1);
    // Its program ends.
    had[1]?.leave();
    await turns();
    expect(answered()[0]).toBeGreaterThan(before[0] ?? 0);
    await server.destroy();
    expect(clock.pending).toBe(0);
  });

  it('are not kept for those who have gone, nor do these wait on', async () => {
    const { server, clock } = startServer({ exports, limits: { ...limits, connectionsMax: 1 } });
    const [one, gone, late] = [new HostileClient(server), new HostileClient(server), new HostileClient(server)];
    for (const client of [one, gone, late]) client.say(wayIn);
    await turns();
    gone.endSaying();
    await gone.gone;
    one.leave();
    await turns();
    expect(isThrough(late)).toBe(true);
    await server.destroy();
    expect(clock.pending).toBe(0);
  });

  it('what is said before its turn by a client that waits is not lost', async () => {
    const { server } = startServer({ exports, limits: { ...limits, connectionsMax: 1 } });
    const [one, eager] = [new HostileClient(server), new HostileClient(server)];
    one.say(wayIn);
    await turns();
    eager.say(wayIn);
    await turns();
    eager.say(header(Command.Write, 0, 600), new Uint8Array(600), wholeRead(1000));
    await turns();
    one.leave();
    await expect.poll(() => server.statistics.requests).toBe(2);
    await expect.poll(() => eager.receivedBytes).toBeGreaterThan(1000);
    await server.destroy();
  });

  it('B12: are taken from a client without progress only when others want them', async () => {
    const { server, clock } = startServer({ exports: { '': distant() }, limits: { ...limits, connectionsMax: 1 } });
    const paused = new HostileClient(server);
    paused.say(wayIn);
    await turns();
    paused.stopReading();
    paused.say(...Array.from({ length: 64 }, () => wholeRead(mebi)));
    paused.say(header(Command.Write, 0, mebi));
    await clock.advance(3_600_000);
    expect(paused.isCutOff).toBe(false);
    const next = new HostileClient(server);
    next.say(wayIn);
    await turns();
    await clock.advance(6000);
    await paused.gone;
    expect(server.clients.cutOff.place).toBe(1);
    await turns();
    expect(isThrough(next)).toBe(true);
    await server.destroy();
    expect(clock.pending).toBe(0);
  });

  it.each([
    [1, undefined, false],
    [1, true, false],
    [2, undefined, false],
    [2, true, true],
    [4, undefined, true],
    [4, false, false],
    [0, undefined, true],
  ])(
    'B5: of %i, with multiConn %s, several connections are announced: %s',
    async (connectionsMax, multiConn, isTold) => {
      const device = createMemoryDevice({ size: mebi });
      const { server } = startServer({ exports: { '': { device, multiConn } }, limits: { connectionsMax } });
      const client = await connectTo(server);
      expect(client.abilities.multiConn).toBe(isTold);
      await client.close();
      await server.destroy();
    },
  );
});

describe('memory', () => {
  it('for a payload is reserved before it arrives, and a client without memory is not read from', async () => {
    const { server } = startServer({ exports: { '': distant() }, limits: { serverBytesMax: 4 * mebi } });
    const clients = Array.from({ length: 8 }, () => new HostileClient(server));
    for (const client of clients) client.say(wayIn, header(Command.Write, 0, mebi), new Uint8Array(mebi - 1));
    await turns(200);
    expect(server.bytesInFlight).toBeLessThanOrEqual(4 * mebi);
    // When the others have finished, every client gets memory.
    for (const client of clients) client.say(byte);
    await expect.poll(() => server.statistics.requests).toBe(8);
    expect(server.bytesInFlight).toBe(0);
    await server.destroy();
  });

  it('is left for those who need little when others take all they can', async () => {
    const { server } = startServer({ exports: { '': distant() }, limits: { serverBytesMax: 8 * mebi } });
    const greedy = Array.from({ length: 6 }, () => new HostileClient(server));
    for (const client of greedy) {
      client.say(wayIn);
      client.stopReading();
      client.say(...Array.from({ length: 10 }, () => wholeRead(mebi)));
    }
    await turns(100);
    const modest = new HostileClient(server);
    modest.say(wayIn, ...Array.from({ length: 100 }, () => wholeRead(4096)));
    await expect.poll(() => modest.receivedBytes).toBeGreaterThan(100 * 4096);
    await server.destroy();
    expect(server.bytesInFlight).toBe(0);
  });

  // Found by the fuzzer: what was granted made forget what was still waited for, and the client was never looked at again.
  it('is waited for also by those who get some for something else meanwhile', async () => {
    const { server } = startServer({ exports: { '': distant() }, limits: { serverBytesMax: 4 * mebi } });
    const hoarder = new HostileClient(server);
    hoarder.say(wayIn, header(Command.Write, 0, 2 * mebi));
    await turns();
    const client = new HostileClient(server);
    client.say(wayIn);
    await turns();
    // In one piece, because nothing is read any more where a request waits.
    client.say(Buffer.concat([wholeRead(1.5 * mebi), header(Command.Write, 0, 512), new Uint8Array(512)]));
    await turns(50);
    expect(server.statistics.requests).toBe(0);
    hoarder.leave();
    await expect.poll(() => server.statistics.requests).toBe(2);
    expect(client.receivedBytes).toBeGreaterThan(1.5 * mebi);
    await server.destroy();
    expect(server.bytesInFlight).toBe(0);
  });

  it('for block status is bounded, however many extents there are', async () => {
    const size = 16 * mebi;
    const extents = Array.from({ length: size / 16 }, (_, index) => ({
      offset: BigInt(16 * index),
      length: 16n,
      status: BigInt(index % 2),
    }));
    const device = wrapped(createMemoryDevice({ size }), async (command, go) =>
      command === 'blockStatus' ? [{ context: 'base:allocation', extents }] : go(),
    );
    const { server } = startServer({ exports: { '': device }, limits: { serverBytesMax: 16 * mebi } });
    const client = new HostileClient(server);
    client.say(wayIn);
    await turns();
    client.stopReading();
    client.say(...Array.from({ length: 1000 }, () => header(Command.BlockStatus, 0, size)));
    await turns(100);
    expect(server.bytesInFlight).toBeLessThan(20 * mebi);
    await server.destroy();
    expect(server.bytesInFlight).toBe(0);
  });

  it('is free again when the server ends while a client does not read (its end once never came)', async () => {
    const { server, clock } = startServer({ exports });
    const client = new HostileClient(server);
    client.say(wayIn, header(Command.Write, 0, 1000), new Uint8Array(1000));
    await turns();
    client.stopReading();
    // All in one delivery, so that some wait behind others.
    client.say(Buffer.concat(Array.from({ length: 200 }, () => wholeRead(mebi))));
    await turns();
    await server.destroy();
    expect(server.sessions).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('turns', () => {
  it('of a device that answers at once leave room for other clients', async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, schedule: () => () => {} };
    const slow = wrapped(createMemoryDevice({ size: mebi }), (command, go) => {
      // Each takes its time, and all of them are there in one delivery.
      if (command === 'writeZeroes') nowMs += 1;
      return go();
    });
    const { server } = startServer({ exports: { '': slow }, clock });
    const client = new HostileClient(server);
    client.say(wayIn, ...Array.from({ length: 1000 }, () => header(Command.WriteZeroes, 0, mebi)));
    const other = new HostileClient(server);
    other.say(wayIn, header(Command.Flush, 0, 0));
    for (let count = 0; other.receivedBytes <= 200; count++) {
      expect(count).toBeLessThan(10_000);
      await new Promise((next) => setImmediate(next));
    }
    expect(server.statistics.requests).toBeLessThan(500);
    await expect.poll(() => server.statistics.requests).toBe(1001);
    await server.destroy();
  });
});

describe('the gate', () => {
  const tcp = (address: string) => ({ transport: 'tcp', address }) as const;

  it('counts connections by address, and IPv6 addresses by network', async () => {
    const { server } = startServer({ exports, limits: { connectionsPerAddressMax: 2 } });
    const come = (address: string) => new HostileClient(server, tcp(address));
    const all = [
      '192.0.2.1',
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '192.0.2.2',
      '2001:db8::1',
      '2001:db8::2',
      '2001:db8:0:0:3::1',
      '2001:db8:0:1::1',
    ];
    const clients = all.map(come);
    await turns();
    expect(all.filter((_, index) => clients[index]?.isCutOff)).toEqual(['::ffff:192.0.2.1', '2001:db8:0:0:3::1']);
    expect(server.clients.refused['too-many-from-address']).toBe(2);
    // A client that leaves makes room.
    clients[0]?.leave();
    await clients[0]?.gone;
    const next = come('192.0.2.1');
    await turns();
    expect(next.isCutOff).toBe(false);
    await server.destroy();
  });

  it('P4: does not limit this machine’s own address, unless told to', { tags: ['slow'] }, async () => {
    for (const address of ['127.0.0.1', '127.5.0.1', '::1', '::ffff:127.0.0.1']) {
      for (const limits of [{}, { connectsPerSecondMax: 1 }, { connectionsPerAddressMax: 1 }]) {
        const { server } = startServer({ exports, limits: { ...limits, connectionsMax: 0, handshakesMax: 0 } });
        const clients = Array.from({ length: 1500 }, () => new HostileClient(server, tcp(address)));
        await turns(200);
        const isLimited = Object.keys(limits).length > 0;
        expect({ address, limits, isLimited: clients.some(({ isCutOff }) => isCutOff) }).toMatchObject({ isLimited });
        await server.destroy();
      }
    }
  });

  it('lets an address come only so often', async () => {
    const { server, clock } = startServer({ exports, limits: { connectsPerSecondMax: 5 } });
    const come = async (): Promise<boolean> => {
      const client = new HostileClient(server, tcp('192.0.2.1'));
      await turns(3);
      const { isCutOff } = client;
      client.leave();
      return !isCutOff;
    };
    const first: boolean[] = [];
    for (let count = 0; count < 20; count++) first.push(await come());
    expect(first.filter((isIn) => isIn)).toHaveLength(10);
    await clock.advance(1000);
    const later: boolean[] = [];
    for (let count = 0; count < 20; count++) later.push(await come());
    expect(later.filter((isIn) => isIn)).toHaveLength(5);
    expect(server.clients.refused['too-often-from-address']).toBe(25);
    await server.destroy();
  });

  const user = (uid: number) => ({ transport: 'unix', user: { uid, gid: 100, pid: 1 } }) as const;

  it.each([
    [{ allow: ['192.0.2.0/24'] }, tcp('192.0.2.7'), true],
    [{ allow: ['192.0.2.0/24'] }, tcp('::ffff:192.0.2.7'), true],
    [{ allow: ['192.0.2.0/24'] }, tcp('192.0.3.7'), false],
    [{ allow: ['192.0.2.0/24'] }, user(0), false],
    [{ allow: ['2001:db8::/32'] }, tcp('2001:db8:1::1'), true],
    [{ allow: ['192.0.2.0/24'], deny: ['192.0.2.7'] }, tcp('192.0.2.7'), false],
    [{ deny: ['192.0.2.7'] }, tcp('192.0.2.8'), true],
    [{ allow: ['uid:1000'] }, user(1000), true],
    [{ allow: ['gid:100'] }, user(1001), true],
    [{ allow: ['uid:1000'] }, user(1001), false],
    [{ deny: ['uid:1000'] }, user(1000), false],
    [{ deny: ['uid:1000'] }, tcp('192.0.2.8'), true],
    // The user is not known, so the answer is no.
    [{ allow: ['uid:1000'] }, { transport: 'unix' } as const, false],
    [{ deny: ['uid:1000'] }, { transport: 'unix' } as const, false],
    [{ deny: ['192.0.2.7'] }, { transport: 'tcp' } as const, false],
    // The connection was not made by the client, but handed over by another process.
    [{ allow: ['192.0.2.7'] }, { transport: 'memory' } as const, true],
  ])('%j and %j: %s', async (access, peer, isIn) => {
    const { server } = startServer({ exports, access });
    const client = new HostileClient(server, peer);
    await turns();
    expect(client.isCutOff).toBe(!isIn);
    const { refused, accepted } = server.clients;
    expect([accepted, refused.denied + refused['not-allowed']]).toEqual(isIn ? [1, 0] : [0, 1]);
    await server.destroy();
  });

  it.each(['192.0.2.0/33', 'localhost', '192.0.2.1/24/8', 'uid:x', '', 'fe80::1%eth0'])('%s is no entry', (entry) => {
    expect(() => startServer({ exports, access: { deny: [entry] } })).toThrow(/is not an entry of an access list/);
  });
});
