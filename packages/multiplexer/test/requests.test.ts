/** What is sent, and what is not. */
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { Command, CommandFlag, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, same } from './session.ts';

const { HasFlags } = TransmissionFlag;
const mebi = 1024 * 1024;

/** A request in one line: command, flags, offset, length, payload. */
function inShort({ command, flags, offset, length, payload }: FakeRequest): string {
  return `${command} flags ${flags} at ${offset} length ${length} payload ${payload.length}`;
}

describe('requests', () => {
  it('READ and WRITE move bytes, at numbers and bigints', async () => {
    const { server, device } = await openSession();
    const source = patternBytes(1000).reverse();
    await device.write(5000, source);
    const target = new Uint8Array(3000);
    await device.read(4000n, target);
    expect(same(target, server.content.subarray(4000, 7000))).toBe(true);
    expect(same(source, server.content.subarray(5000, 6000))).toBe(true);
    expect(server.requests.map(inShort)).toEqual([
      '1 flags 0 at 5000 length 1000 payload 1000',
      '0 flags 0 at 4000 length 3000 payload 0',
    ]);
  });

  it('C42: each command has the flags that are defined for it, and no others', async () => {
    const { server, device } = await openSession({ mode: 'extended' });
    const all = { fua: true, noHole: true, fastZero: true, dontFragment: true, one: true };
    await device.read(0, new Uint8Array(8), all);
    await device.write(0, new Uint8Array(8), all);
    await device.flush(all as object);
    await device.trim(0, 8, all);
    await device.cache(0, 8, all as object);
    await device.writeZeroes(0, 8, all);
    await device.blockStatus(0, 8, all);
    expect(server.requests.map(({ command, flags }) => [command, flags])).toEqual([
      [Command.Read, CommandFlag.Df],
      [Command.Write, CommandFlag.Fua | CommandFlag.PayloadLen],
      [Command.Flush, 0],
      [Command.Trim, CommandFlag.Fua],
      [Command.Cache, 0],
      [Command.WriteZeroes, CommandFlag.Fua | CommandFlag.NoHole | CommandFlag.FastZero],
      [Command.BlockStatus, CommandFlag.ReqOne],
    ]);
  });

  it('C39: unknown transmission flags are ignored', async () => {
    const { device } = await openSession({ facts: { transmissionFlags: 0xffff & ~TransmissionFlag.ReadOnly } });
    await device.write(0, new Uint8Array(8));
    await device.read(0, new Uint8Array(8));
    expect(device.abilities).toMatchObject({ readOnly: false, rotational: true, multiConn: true });
  });

  describe('C41: nothing is asked for that the export does not offer', () => {
    const calls: readonly (readonly [name: string, call: (device: Session['device']) => unknown])[] = [
      ['FLUSH', (device) => device.flush()],
      ['TRIM', (device) => device.trim(0, 8)],
      ['WRITE_ZEROES', (device) => device.writeZeroes(0, 8)],
      ['CACHE', (device) => device.cache(0, 8)],
      ['BLOCK_STATUS', (device) => device.blockStatus(0, 8)],
      ['WRITE with FUA', (device) => device.write(0, new Uint8Array(8), { fua: true })],
      ['READ with DF', (device) => device.read(0, new Uint8Array(8), { dontFragment: true })],
    ];
    type Session = Awaited<ReturnType<typeof openSession>>;

    it.each(calls)('%s', async (_, call) => {
      const { server, device } = await openSession({ facts: { transmissionFlags: HasFlags, contexts: [] } });
      const error = await failure(call(device));
      expect(error).toBeInstanceOf(UsageError);
      expect(error).toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
      expect(server.requests).toEqual([]);
    });

    it('C61: FAST_ZERO and FUA only where they are offered, NO_HOLE everywhere', async () => {
      const transmissionFlags = HasFlags | TransmissionFlag.SendWriteZeroes | TransmissionFlag.SendTrim;
      const { server, device } = await openSession({ facts: { transmissionFlags } });
      const code = 'ERR_NBD_NOT_SUPPORTED';
      expect(await failure(device.writeZeroes(0, 8, { fastZero: true }))).toMatchObject({ code });
      expect(await failure(device.writeZeroes(0, 8, { fua: true }))).toMatchObject({ code });
      expect(await failure(device.trim(0, 8, { fua: true }))).toMatchObject({ code });
      await device.writeZeroes(0, 8, { noHole: true });
      expect(server.requests.map(inShort)).toEqual([`6 flags ${CommandFlag.NoHole} at 0 length 8 payload 0`]);
    });

    it('with the checks off it is asked for all the same', async () => {
      const { server, device } = await openSession({
        facts: { transmissionFlags: HasFlags | TransmissionFlag.ReadOnly },
        multiplexer: { strict: { commands: false, flags: false } },
      });
      for (const [, call] of calls) await call(device);
      await device.writeZeroes(0, 8, { fastZero: true, fua: true });
      expect(server.requests.map(({ command }) => command)).toEqual([3, 4, 6, 5, 7, 1, 0, 6]);
    });

    it('with simple replies every read comes in one piece anyway, so DF is not needed', async () => {
      const { server, device } = await openSession({ mode: 'simple', facts: { transmissionFlags: HasFlags } });
      await device.read(0, new Uint8Array(8), { dontFragment: true });
      expect(server.requests.map(inShort)).toEqual(['0 flags 0 at 0 length 8 payload 0']);
    });
  });

  it('nothing is written to a read-only export', async () => {
    const { server, device } = await openSession({
      facts: { transmissionFlags: allTransmissionFlags | TransmissionFlag.ReadOnly },
    });
    expect(device.abilities).toMatchObject({ readOnly: true, trim: false, writeZeroes: false, fua: false });
    for (const call of [
      () => device.write(0, new Uint8Array(8)),
      () => device.trim(0, 8),
      () => device.writeZeroes(0, 8),
    ]) {
      expect(await failure(call())).toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
    }
    await device.read(0, new Uint8Array(8));
    expect(server.requests).toHaveLength(1);
  });

  describe('C43: ranges stay within the export', () => {
    const size = 256 * 1024;
    it.each([
      ['past the end', size - 7, 8, 'ERR_NBD_OUT_OF_BOUNDS'],
      ['behind the end', size + 1, 0, 'ERR_NBD_OUT_OF_BOUNDS'],
      ['before the start', -1, 8, 'ERR_NBD_OUT_OF_BOUNDS'],
      ['before the start, exactly', -1n, 8, 'ERR_NBD_OUT_OF_BOUNDS'],
      ['around 2^64', 2n ** 64n - 4n, 8, 'ERR_NBD_OUT_OF_BOUNDS'],
      ['far behind 2^64', 2n ** 200n, 8, 'ERR_NBD_OUT_OF_BOUNDS'],
      ['at half a byte', 0.5, 8, 'ERR_NBD_ARGUMENT'],
      ['at no number', Number.NaN, 8, 'ERR_NBD_ARGUMENT'],
      ['at infinity', Number.POSITIVE_INFINITY, 8, 'ERR_NBD_ARGUMENT'],
      ['at a number that is not exact', 2 ** 53, 8, 'ERR_NBD_ARGUMENT'],
    ])('%s', async (_, offset, length, code) => {
      const { server, device } = await openSession();
      expect(await failure(device.read(offset, new Uint8Array(length)))).toMatchObject({ code });
      expect(await failure(device.write(offset, new Uint8Array(length)))).toMatchObject({ code });
      expect(await failure(device.trim(offset, length))).toMatchObject({ code });
      expect(await failure(device.writeZeroes(offset, length))).toMatchObject({ code });
      expect(await failure(device.cache(offset, length))).toMatchObject({ code });
      expect(await failure(device.blockStatus(offset, length))).toMatchObject({ code });
      expect(server.requests).toEqual([]);
    });

    it('with the check off they go out as they are, as far as 64 bits can say', async () => {
      const { server, device } = await openSession({ multiplexer: { strict: { bounds: false } } });
      await device.read(2n ** 64n - 8n, new Uint8Array(8));
      await device.trim(2n ** 63n, 8);
      expect(server.requests.map(({ offset }) => offset)).toEqual([2n ** 64n - 8n, 2n ** 63n]);
      expect(await failure(device.read(2n ** 64n - 4n, new Uint8Array(8)))).toMatchObject({
        code: 'ERR_NBD_OUT_OF_BOUNDS',
      });
      expect(await failure(device.read(-1, new Uint8Array(8)))).toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    });
  });

  it.each([
    ['compact' as const, 'structured' as const],
    ['extended' as const, 'extended' as const],
  ])('sizes up to 2^63 - 1 are exact at the wire, with %s headers', async (_, mode) => {
    const size = 2n ** 63n - 1n;
    const { server, device } = await openSession({ mode, facts: { size } });
    expect(device.geometry.size).toBe(size);
    const offsets = [
      2 ** 32 - 1,
      2 ** 32,
      2 ** 32 + 1,
      2 ** 40 + 12345,
      2 ** 53 - 8,
      Number.MAX_SAFE_INTEGER,
      BigInt(2 ** 53) + 1n,
      2n ** 62n + 3n,
      size - 1n,
    ];
    for (const offset of offsets) {
      await device.read(offset, new Uint8Array(1));
      await device.write(offset, new Uint8Array(1));
      await device.trim(offset, 1);
      await device.blockStatus(offset, 1);
    }
    expect(server.requests.map(({ offset }) => offset)).toEqual(
      offsets.flatMap((offset) => new Array(4).fill(BigInt(offset))),
    );
    expect(await failure(device.read(size, new Uint8Array(1)))).toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
  });

  describe('splitting', () => {
    const blockSizes = { minimum: 1, preferred: 4096, maximum: 65_536 };

    it('C44: reads and writes are split at the longest payload that the server takes', async () => {
      const { server, device } = await openSession({ facts: { blockSizes } });
      const source = patternBytes(200_000).reverse();
      await device.write(1000, source);
      const target = new Uint8Array(200_000);
      await device.read(1000, target);
      expect(same(target, source)).toBe(true);
      expect(server.requests.map(({ length }) => Number(length))).toEqual([
        65_536, 65_536, 65_536, 3392, 65_536, 65_536, 65_536, 3392,
      ]);
    });

    it('C44: without advertised sizes, at 32 MiB', async () => {
      const { server, device } = await openSession({ facts: { size: 2n ** 40n } });
      await device.read(0, new Uint8Array(32 * mebi + 1));
      expect(server.requests.map(inShort)).toEqual([
        `0 flags 0 at 0 length ${32 * mebi} payload 0`,
        `0 flags 0 at ${32 * mebi} length 1 payload 0`,
      ]);
    });

    it('C70: a read never needs more than 32 bits for its length, whatever the server would allow', async () => {
      const unlimited = { minimum: 1, preferred: 4096, maximum: 0xffff_ffff };
      const { device } = await openSession({ mode: 'extended', facts: { blockSizes: unlimited } });
      expect(device.geometry.maximumBlockSize).toBe(64 * mebi);
    });

    it('at a multiple of the smallest block', async () => {
      const odd = { minimum: 4096, preferred: 4096, maximum: 10_000 };
      const { server, device } = await openSession({ facts: { blockSizes: odd } });
      await device.write(0, new Uint8Array(20_480));
      expect(server.requests.map(({ length }) => Number(length))).toEqual([8192, 8192, 4096]);
    });

    it('with the check off, not below 64 MiB', async () => {
      const { server, device } = await openSession({
        facts: { blockSizes },
        multiplexer: { strict: { payload: false } },
      });
      await device.write(0, new Uint8Array(200_000));
      expect(server.requests.map(({ length }) => Number(length))).toEqual([200_000]);
    });

    it('a failing part fails the call when all parts that were under way have settled, and no further part begins', async () => {
      const held: FakeRequest[] = [];
      const small = { minimum: 1, preferred: 512, maximum: 512 };
      const { server, device } = await openSession({
        facts: { blockSizes: small },
        onRequest: (request) => void held.push(request),
      });
      let isSettled = false;
      const reading = failure(device.read(0, new Uint8Array(512 * 40))).finally(() => {
        isSettled = true;
      });
      while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const underWay = held.length;
      held.shift()?.fail(WireError.Eio, 'broken');
      await new Promise((resolve) => setImmediate(resolve));
      expect(isSettled).toBe(false);
      for (const request of held) request.answer();
      expect(await reading).toMatchObject({ code: 'EIO', offset: 0n, length: 512n, serverText: 'broken' });
      expect(server.requests).toHaveLength(underWay);
    });

    it('C45: commands without payload may be longer than any payload', async () => {
      const { server, device } = await openSession({ facts: { size: 2n ** 40n, blockSizes } });
      await device.trim(0, 2n ** 31n);
      await device.writeZeroes(0, 2n ** 31n);
      await device.cache(0, 2n ** 31n);
      expect(server.requests.map(({ length }) => length)).toEqual(new Array(3).fill(2n ** 31n));
    });

    it('with compact headers, they are split below 2^32', async () => {
      const { server, device } = await openSession({ facts: { size: 2n ** 40n } });
      await device.trim(5, 2n ** 33n);
      expect(server.requests.map(({ length }) => length)).toEqual([2n ** 32n - 65_536n, 2n ** 32n - 65_536n, 131_072n]);
      expect(server.requests.map(({ offset }) => offset)).toEqual([5n, 2n ** 32n - 65_531n, 2n ** 33n - 131_067n]);
    });

    it('with extended headers, they go in one piece, however long', async () => {
      const { server, device } = await openSession({ mode: 'extended', facts: { size: 2n ** 63n - 1n } });
      await device.writeZeroes(0, 2n ** 63n - 1n);
      expect(server.requests.map(inShort)).toEqual([`6 flags 0 at 0 length ${2n ** 63n - 1n} payload 0`]);
    });

    it('C59: what a server refuses as too long is asked for again in pieces of a payload', async () => {
      const { server, device } = await openSession({
        facts: { blockSizes },
        onRequest: (request) => (request.length > 65_536n ? request.fail(WireError.Eoverflow) : request.answer()),
      });
      await device.writeZeroes(0, 200_000);
      expect(server.requests.map(({ length }) => Number(length))).toEqual([200_000, 65_536, 65_536, 65_536, 3392]);
      expect(server.content.subarray(0, 200_000).every((byte) => byte === 0)).toBe(true);
    });

    it('C59: EOVERFLOW for what is no longer than a payload is told', async () => {
      const { server, device } = await openSession({
        facts: { blockSizes },
        onRequest: (request) => request.fail(WireError.Eoverflow),
      });
      const error = await failure(device.trim(0, 65_536));
      expect(error).toBeInstanceOf(CommandError);
      expect(error).toMatchObject({ code: 'EOVERFLOW' });
      expect(await failure(device.read(0, new Uint8Array(8)))).toMatchObject({ code: 'EOVERFLOW' });
      expect(server.requests).toHaveLength(2);
    });
  });

  describe('C48: nothing is sent for no bytes', () => {
    it('most calls just succeed, a block status is refused', async () => {
      const { server, device } = await openSession();
      await device.read(5, new Uint8Array(0));
      await device.write(256 * 1024, new Uint8Array(0));
      await device.trim(5, 0);
      await device.writeZeroes(5, 0n);
      await device.cache(5, 0);
      expect(await failure(device.blockStatus(5, 0))).toMatchObject({ code: 'ERR_NBD_EMPTY' });
      expect(server.requests).toEqual([]);
    });

    it('with the check off it is sent, and the answers are understood', async () => {
      for (const mode of ['simple', 'structured', 'extended'] as const) {
        const { server, device } = await openSession({
          mode,
          multiplexer: { strict: { zeroSize: false } },
          onRequest: (request) => {
            if (request.command === Command.Read && mode !== 'simple') request.acknowledgeChunk();
            else request.answer();
          },
        });
        await device.read(5, new Uint8Array(0));
        await device.write(5, new Uint8Array(0));
        await device.trim(5, 0);
        expect(server.requests.map(({ command, length }) => [command, length])).toEqual([
          [0, 0n],
          [1, 0n],
          [4, 0n],
        ]);
      }
    });
  });

  it('C46: FLUSH has neither offset nor length', async () => {
    const { server, device } = await openSession();
    await device.flush();
    expect(server.requests.map(inShort)).toEqual(['3 flags 0 at 0 length 0 payload 0']);
  });

  it('C49: a flush leaves behind every write that was answered before', async () => {
    const held: FakeRequest[] = [];
    const { server, device } = await openSession({ onRequest: (request) => void held.push(request) });
    const writing = device.write(0, new Uint8Array(8));
    await new Promise((resolve) => setImmediate(resolve));
    held.shift()?.answer();
    await writing;
    const flushing = device.flush();
    await new Promise((resolve) => setImmediate(resolve));
    held.shift()?.answer();
    await flushing;
    expect(server.requests.map(({ command }) => command)).toEqual([Command.Write, Command.Flush]);
    expect(device.abilities.multiConn).toBe(false);
  });

  describe('extended headers', () => {
    it('C63, C64: every request has 32 bytes, and writes say that they have a payload', async () => {
      const { server, device } = await openSession({ mode: 'extended' });
      await device.read(0, new Uint8Array(8));
      await device.write(0, new Uint8Array(8));
      await device.write(1, new Uint8Array(8), { fua: true });
      await device.trim(0, 8);
      expect(server.requests.map(({ flags }) => flags & CommandFlag.PayloadLen)).toEqual([0, 32, 32, 0]);
      expect(device.statistics.bytesSent).toBe(4 * 32 + 16);
    });

    it('C64: not so with autoFlag off', async () => {
      const { server, device } = await openSession({ mode: 'extended', multiplexer: { strict: { autoFlag: false } } });
      await device.write(0, new Uint8Array(8));
      await device.write(0n, new Uint8Array(8));
      expect(server.requests.map(({ flags, payload }) => [flags, payload.length])).toEqual([
        [0, 8],
        [0, 8],
      ]);
    });

    it('C65: with compact headers, no request says so', async () => {
      const { server, device } = await openSession();
      await device.write(0, new Uint8Array(8));
      await device.write(0n, new Uint8Array(8), { fua: true });
      await device.blockStatus(0, 8);
      expect(server.requests.map(({ flags }) => flags & CommandFlag.PayloadLen)).toEqual([0, 0, 0]);
      expect(device.statistics.bytesSent).toBe(3 * 28 + 16);
    });
  });
});
