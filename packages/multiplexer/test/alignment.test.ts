/** C43: ranges that do not fit the server's blocks. */
import { Command, CommandFlag, WireError } from '@nbdjs/protocol';
import { type FakeRequest, patternBytes, seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type SessionOptions, same, standing, turn } from './session.ts';

const block = 4096;
const blockSizes = { minimum: block, preferred: block, maximum: 65_536 };

async function alignedSession(options: SessionOptions = {}) {
  const session = await openSession({ ...options, facts: { blockSizes, ...options.facts } });
  const { server } = session;
  /** Whether every request fits the blocks. */
  const fits = () =>
    server.requests.every(({ offset, length }) => offset % BigInt(block) === 0n && length % BigInt(block) === 0n);
  return { ...session, fits };
}

function inShort({ command, offset, length }: FakeRequest): string {
  return `${command} ${offset}+${length}`;
}

describe('C43: reads', () => {
  it.each([
    ['within a block', 100, 50],
    ['a block’s first bytes', block, 5],
    ['a block’s last bytes', 2 * block - 5, 5],
    ['around the border of two blocks', block - 5, 10],
    ['from the middle of one to the middle of another', 100, 3 * block],
    ['whole blocks with a rest', block, 2 * block + 1],
    ['a rest with whole blocks', block - 1, 2 * block + 1],
    ['the end', 262_144 - 7, 7],
    ['more than one payload', 5, 200_000],
  ])('%s', async (_, offset, length) => {
    const { server, device, fits } = await alignedSession();
    const target = new Uint8Array(length);
    await device.read(offset, target);
    expect(same(target, server.content.subarray(offset, offset + length))).toBe(true);
    expect(fits()).toBe(true);
    const around = new Uint8Array(length).fill(1);
    await device.read(BigInt(offset), around, { signal: new AbortController().signal });
    expect(same(around, target)).toBe(true);
  });

  it('that fit go out as they are', async () => {
    const { server, device } = await alignedSession();
    await device.read(block, new Uint8Array(3 * block));
    expect(server.requests.map(inShort)).toEqual([`0 ${block}+${3 * block}`]);
  });

  it('when a part fails, the call fails when all parts have settled', async () => {
    const held: FakeRequest[] = [];
    const { device } = await alignedSession({ onRequest: (request) => void held.push(request) });
    const target = new Uint8Array(4 * block);
    const reading = failure(device.read(100, target));
    const state = standing(reading);
    await turn();
    expect(held).toHaveLength(3);
    held[0]?.fail(WireError.Eio);
    await turn();
    expect(state()).toBe('pending');
    held[1]?.answer();
    held[2]?.answer();
    expect(await reading).toMatchObject({ code: 'EIO' });
  });
});

describe('C43: writes', () => {
  it('are made by reading, changing and writing whole blocks', async () => {
    const { server, device } = await alignedSession();
    const model = server.content.slice();
    const source = patternBytes(2 * block).map((byte) => byte ^ 0x55);
    model.set(source, block + 100);
    await device.write(block + 100, source);
    expect(same(server.content, model)).toBe(true);
    expect(server.requests.map(inShort).sort()).toEqual(
      [
        `0 ${block}+${block}`,
        `0 ${3 * block}+${block}`,
        `1 ${block}+${block}`,
        `1 ${2 * block}+${block}`,
        `1 ${3 * block}+${block}`,
      ].sort(),
    );
  });

  it('all parts of a write with FUA have it', async () => {
    const { server, device } = await alignedSession({ mode: 'extended' });
    await device.write(100, new Uint8Array(3 * block), { fua: true });
    const flags = CommandFlag.Fua | CommandFlag.PayloadLen;
    expect(server.requestsOf(Command.Write).map((request) => request.flags)).toEqual([flags, flags, flags]);
  });

  it('with the check off go out as they are', async () => {
    const { server, device } = await alignedSession({ multiplexer: { strict: { align: false } } });
    await device.write(5, new Uint8Array(10));
    await device.read(7, new Uint8Array(3));
    await device.trim(9, 20_000);
    expect(server.requests.map(inShort)).toEqual(['1 5+10', '0 7+3', '4 9+20000']);
  });

  it('a failing read leaves everything as it was', async () => {
    const { server, device } = await alignedSession({
      onRequest: (request) => (request.command === Command.Read ? request.fail(WireError.Eio) : request.answer()),
    });
    const model = server.content.slice();
    expect(await failure(device.write(100, new Uint8Array(50)))).toMatchObject({ code: 'EIO' });
    expect(same(server.content, model)).toBe(true);
    server.onRequest = undefined;
    await device.write(100, new Uint8Array(50));
    model.fill(0, 100, 150);
    expect(same(server.content, model)).toBe(true);
  });
});

describe('C43: zeroes, trims, cache and block status', () => {
  it('writeZeroes zeroes what was asked for, and no more', async () => {
    const { server, device, fits } = await alignedSession();
    const model = server.content.slice().fill(0, 100, 20_000);
    await device.writeZeroes(100, 19_900, { noHole: true });
    expect(same(server.content, model)).toBe(true);
    expect(fits()).toBe(true);
    expect(server.requestsOf(Command.WriteZeroes).map(inShort)).toEqual([`6 ${block}+${3 * block}`]);
    await device.writeZeroes(5, 10);
    await device.writeZeroes(block, block);
    expect(server.requestsOf(Command.WriteZeroes)).toHaveLength(2);
  });

  it('trim gives up only whole blocks', async () => {
    const { server, device } = await alignedSession();
    await device.trim(100, 19_900);
    await device.trim(100, 50);
    await device.trim(block - 1, block);
    expect(server.requests.map(inShort)).toEqual([`4 ${block}+${3 * block}`]);
  });

  it('cache asks for all blocks that are touched', async () => {
    const { server, device } = await alignedSession();
    await device.cache(100, block);
    expect(server.requests.map(inShort)).toEqual([`5 0+${2 * block}`]);
  });

  it('block status is told within the range', async () => {
    const { server, device } = await alignedSession();
    server.extents = () => [
      { length: BigInt(block), status: 0n },
      { length: BigInt(block), status: 3n },
    ];
    expect(await device.blockStatus(block + 100, 5000)).toEqual([
      {
        context: 'base:allocation',
        extents: [
          { offset: 4196n, length: 3996n, status: 0n },
          { offset: 8192n, length: 1004n, status: 3n },
        ],
      },
    ]);
    expect(server.requests.map(inShort)).toEqual([`7 ${block}+${2 * block}`]);
  });
});

describe('A7: an export that ends in the middle of a block', () => {
  const size = 2 * block + 100;
  const refuseTail = (request: FakeRequest) => {
    if (request.length % BigInt(block) === 0n) request.answer();
    else request.fail(WireError.Einval);
  };
  const tailSession = (options: SessionOptions = {}) => alignedSession({ content: patternBytes(size), ...options });

  it('is read and written to its end, the last block as one short request', async () => {
    const { server, device } = await tailSession();
    const model = server.content.slice();
    const target = new Uint8Array(50);
    await device.read(size - 50, target);
    expect(same(target, model.subarray(size - 50))).toBe(true);
    const all = new Uint8Array(size);
    await device.read(0, all);
    expect(same(all, model)).toBe(true);
    model.fill(7, 2 * block - 1, 2 * block + 10);
    await device.write(2 * block - 1, new Uint8Array(11).fill(7));
    expect(same(server.content, model)).toBe(true);
    await device.writeZeroes(2 * block, 100);
    await device.trim(block, block + 100);
    await device.cache(0, size);
    expect(same(server.content, model.fill(0, 2 * block))).toBe(true);
    expect(server.requests.map(inShort)).toEqual([
      `0 ${2 * block}+100`,
      `0 0+${size}`,
      `0 ${block}+${block}`,
      `0 ${2 * block}+100`,
      `1 ${block}+${block}`,
      `1 ${2 * block}+100`,
      `6 ${2 * block}+100`,
      `4 ${block}+${block}`,
      `5 0+${2 * block}`,
    ]);
  });

  it('tells in words that the server refuses its last bytes', async () => {
    const { server, device } = await tailSession({ onRequest: refuseTail });
    const words =
      'READ of 100 bytes at 8192 touches the last 100 bytes of the export, which blocks of 4096 bytes do not reach, and the server refuses it';
    const target = new Uint8Array(100);
    const refusal = { code: 'EINVAL', message: words };
    expect(await failure(device.read(2 * block, target))).toMatchObject(refusal);
    expect(await failure(device.deferredReads.readInto(2 * block, 100, () => target))).toMatchObject(refusal);
    const write = { code: 'EINVAL', message: expect.stringContaining('WRITE of 100 bytes at 8192 touches') };
    expect(await failure(device.write(2 * block, target))).toMatchObject(write);
    const zero = { code: 'EINVAL', message: expect.stringContaining('WRITE_ZEROES of 100 bytes at 8192 touches') };
    expect(await failure(device.writeZeroes(2 * block, 100))).toMatchObject(zero);
    server.onRequest = (request) => request.fail(WireError.Eio);
    expect(await failure(device.read(2 * block, target))).toMatchObject({ code: 'EIO' });
  });

  it('has a map of all of it, the refused end being data', async () => {
    const { server, device } = await tailSession();
    const hole = 3n;
    server.extents = () => [{ length: BigInt(size), status: hole }];
    const map = async (offset: number, length: number) => (await device.blockStatus(offset, length))[0]?.extents;
    expect(await map(0, size)).toEqual([{ offset: 0n, length: BigInt(size), status: hole }]);
    expect(await map(size - 5, 5)).toEqual([{ offset: BigInt(size - 5), length: 5n, status: hole }]);
    expect(server.requests.map(inShort)).toEqual([`7 0+${size}`, `7 ${2 * block}+100`]);
    server.onRequest = refuseTail;
    expect(await map(0, size)).toEqual([{ offset: 0n, length: BigInt(2 * block), status: hole }]);
    expect(await map(2 * block, 100)).toEqual([{ offset: BigInt(2 * block), length: 100n, status: 0n }]);
  });

  it('has no answer for other contexts about an end that is refused', async () => {
    const contexts = [{ name: 'qemu:dirty-bitmap:a', id: 3 }];
    const { device } = await tailSession({ onRequest: refuseTail, facts: { contexts } });
    expect(await failure(device.blockStatus(2 * block, 100))).toMatchObject({ code: 'EINVAL' });
  });

  it('may be shorter than a block', async () => {
    const { server, device } = await alignedSession({ content: patternBytes(100), facts: { size: 100n } });
    const target = new Uint8Array(10);
    await device.read(5, target);
    expect(same(target, server.content.subarray(5, 15))).toBe(true);
    await device.write(5, new Uint8Array(10));
    expect(server.requests.map(inShort)).toEqual(['0 0+100', '0 0+100', '1 0+100']);
  });
});

describe('concurrency', () => {
  /** Answers requests in random order, each after some turns. */
  function unruly(seed: number) {
    const random = seededRandom(seed);
    return (request: FakeRequest) => {
      const later = (turns: number): void => {
        if (turns > 0) setImmediate(() => later(turns - 1));
        else request.answer();
      };
      later(Math.floor(random() * 4));
    };
  }

  it.each([1, 2, 3, 4])('neighbours within blocks do not undo each other, %i', async (seed) => {
    const random = seededRandom(seed * 1000);
    const { server, device, fits } = await alignedSession({
      content: patternBytes(16 * block),
      facts: { size: BigInt(16 * block), blockSizes: { minimum: block, preferred: block, maximum: 2 * block } },
      onRequest: unruly(seed),
    });
    const model = server.content.slice();
    // Each lane has bytes of its own, but hardly a block.
    const laneBytes = 3001;
    const lane = async (index: number): Promise<void> => {
      const base = index * laneBytes;
      for (let round = 0; round < 12; round++) {
        const length = 1 + Math.floor(random() * (laneBytes - 1));
        const offset = base + Math.floor(random() * (laneBytes - length));
        const choice = random();
        if (choice < 0.6) {
          const source = Uint8Array.from({ length }, () => Math.floor(random() * 256));
          model.set(source, offset);
          await device.write(offset, source);
        } else if (choice < 0.75) {
          model.fill(0, offset, offset + length);
          await device.writeZeroes(offset, length);
        } else {
          const target = new Uint8Array(length);
          await device.read(offset, target);
          expect(same(target, model.subarray(offset, offset + length))).toBe(true);
        }
      }
    };
    await Promise.all(Array.from({ length: 21 }, (_, index) => lane(index)));
    expect(same(server.content, model)).toBe(true);
    expect(fits()).toBe(true);
  });

  it('writes of whole blocks and of parts of them keep out of each other’s way', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { server, device } = await alignedSession({ content: new Uint8Array(4 * block), onRequest: unruly(seed) });
      const whole = new Uint8Array(2 * block).fill(1);
      const part = new Uint8Array(10).fill(2);
      const calls = [() => device.write(0, whole), () => device.write(block + 5, part)];
      if (seed % 2 === 0) calls.reverse();
      await Promise.all(calls.map((call) => call()));
      // Both write bytes 5 to 14 of the second block, and either may win there. Everything else is the first one's.
      const bytes = [...server.content.subarray(0, 2 * block)];
      bytes.splice(block + 5, 10);
      expect(bytes.every((byte) => byte === 1)).toBe(true);
    }
  });

  it('also when the write of whole blocks has many parts', async () => {
    const small = { minimum: 512, preferred: 512, maximum: 512 };
    for (let seed = 1; seed <= 10; seed++) {
      const { server, device } = await openSession({
        content: new Uint8Array(512 * 64),
        facts: { blockSizes: small },
        onRequest: unruly(seed),
      });
      const whole = device.write(0, new Uint8Array(512 * 60).fill(1));
      await turn();
      const part = device.write(512 * 50 + 5, new Uint8Array(10).fill(2));
      await Promise.all([whole, part]);
      const bytes = [...server.content.subarray(0, 512 * 60)];
      bytes.splice(512 * 50 + 5, 10);
      expect(bytes.every((byte) => byte === 1)).toBe(true);
    }
  });

  it('one that is abandoned while it waits for its blocks rejects at once, and lets those behind it go', async () => {
    const held: FakeRequest[] = [];
    const { device } = await alignedSession({ onRequest: (request) => void held.push(request) });
    const reason = new Error('enough');
    const abort = new AbortController();
    const first = device.write(1, new Uint8Array(10));
    const second = failure(device.write(2, new Uint8Array(10), { signal: abort.signal }));
    const third = device.write(3, new Uint8Array(10));
    await turn();
    abort.abort(reason);
    expect(await second).toBe(reason);
    for (let round = 0; round < 6; round++) {
      for (const request of held.splice(0)) request.answer();
      await turn();
    }
    await Promise.all([first, third]);
  });

  it('one that is abandoned while the channel still reads its whole blocks rejects when it does not any more', async () => {
    const held: FakeRequest[] = [];
    const { server, device } = await alignedSession({ onRequest: (request) => void held.push(request) });
    const { channel } = server.connection;
    channel.block();
    const abort = new AbortController();
    const source = new Uint8Array(10 * block).fill(1);
    const writing = failure(device.write(5, source, { signal: abort.signal }));
    const state = standing(writing);
    await turn();
    abort.abort(new Error('enough'));
    await turn();
    expect(state()).toBe('pending');
    channel.unblock();
    await turn();
    expect(await writing).toMatchObject({ message: 'enough' });
    source.fill(2);
    expect(server.requestsOf(Command.Write)).toHaveLength(1);
    expect(server.requestsOf(Command.Write)[0]?.payload.every((byte) => byte === 1)).toBe(true);
  });

  it('one that is abandoned in the middle never writes half a change over its neighbours', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const random = unruly(turns + 1);
      const { server, device } = await alignedSession({ content: new Uint8Array(4 * block), onRequest: random });
      const abort = new AbortController();
      const source = new Uint8Array(block).fill(5);
      const writing = Promise.resolve(device.write(100, source, { signal: abort.signal })).catch(() => {});
      const neighbour = device.write(0, new Uint8Array(100).fill(7));
      for (let round = 0; round < turns; round++) await turn();
      abort.abort(new Error('enough'));
      await writing;
      source.fill(9);
      await neighbour;
      await device.write(100 + block, new Uint8Array(50).fill(8));
      for (let round = 0; round < 20; round++) await turn();
      expect(server.content.subarray(0, 100).every((byte) => byte === 7)).toBe(true);
      expect(server.content.subarray(100 + block, 150 + block).every((byte) => byte === 8)).toBe(true);
      // Bytes that were the caller's again when they changed to 9 are never sent.
      expect(server.content.includes(9)).toBe(false);
    }
  });
});
