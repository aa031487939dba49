/** Defects that other clients had, each under the name that it became known by. */
import { ProtocolError } from '@nbdjs/interfaces';
import type { MultiplexerOptions } from '@nbdjs/multiplexer';
import { encodeBlockStatusChunk, encodeDataChunkHeader, encodeHoleChunk } from '@nbdjs/protocol';
import type { FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, makeSession, openSession } from './session.ts';

const modes = ['structured', 'extended'] as const;

describe.each(modes)('with %s replies', (mode) => {
  it('libnbd 2019: a structured reply never lands outside of the buffer', async () => {
    const around = new Uint8Array(3 * 4096).fill(0x55);
    const replies: readonly ((request: FakeRequest) => Uint8Array)[] = [
      (request) => encodeDataChunkHeader(request.frame(), 4096n, 8192),
      (request) => encodeDataChunkHeader(request.frame(), 0n, 4096),
      (request) => encodeDataChunkHeader(request.frame(), 8191n, 2),
      (request) => encodeDataChunkHeader(request.frame(), 2n ** 64n - 1n, 2),
      (request) => encodeHoleChunk(request.frame(), 4096n, 0xffff_ffff),
      (request) => encodeHoleChunk(request.frame(), 4095n, 4096),
    ];
    for (const reply of replies) {
      const onRequest = (request: FakeRequest) => {
        request.connection.send(reply(request), new Uint8Array(8192).fill(0xee));
      };
      const { device } = await openSession({ mode, onRequest });
      const error = await failure(device.read(4096, around.subarray(4096, 8192)));
      expect(error).toMatchObject({ cause: expect.any(ProtocolError) });
      expect(around.every((byte) => byte === 0x55)).toBe(true);
    }
  });

  it('libnbd 2023-07: block status that was not negotiated is a violation, in answer to any request', async () => {
    const onRequest = (request: FakeRequest) => {
      request.connection.send(encodeBlockStatusChunk(request.frame(), 7, [{ length: 4096n, status: 0n }]));
    };
    const facts = { contexts: [] };
    const { device } = await openSession({ mode, onRequest, facts });
    await expect(device.blockStatus(0, 4096)).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
    expect(await failure(device.read(0, new Uint8Array(4096)))).toMatchObject({ cause: { violation: 'unfit-chunk' } });

    // And where the caller asks all the same.
    const reckless = await openSession({ mode, onRequest, facts, multiplexer: { strict: { commands: false } } });
    const error = await failure(reckless.device.blockStatus(0, 4096));
    expect(error).toMatchObject({ cause: { violation: 'unknown-context' } });
  });

  it.each([2n ** 63n, 2n ** 63n + 4096n, 2n ** 64n - 1n])('CVE-2023-5215: a size of %d is what it is', async (size) => {
    const { device, server } = await openSession({ mode, facts: { size } });
    expect(device.geometry.size).toBe(size);
    const place = size - 4096n;
    await device.read(place, new Uint8Array(4096));
    expect(server.requests[0]?.offset).toBe(place);
    await expect(device.read(size, new Uint8Array(1))).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    await expect(device.read(-1, new Uint8Array(1))).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
  });
});

it('CVE-2023-5871: flags of 64 bits arrive as 64 bits', async () => {
  const session = await openSession({ mode: 'extended' });
  const status = 2n ** 63n + 2n ** 32n + 1n;
  session.server.extents = (_name, _offset, length) => [
    { length: 10n, status },
    { length: length - 10n, status: 2n ** 32n },
  ];
  const [answer] = await session.device.blockStatus(0, 4096);
  expect(answer?.extents).toEqual([
    { offset: 0n, length: 10n, status },
    { offset: 10n, length: 4086n, status: 2n ** 32n },
  ]);
});

it('CVE-2025-47711: an extent of the greatest length ends where the request does', async () => {
  for (const mode of modes) {
    const session = await openSession({ mode, facts: { size: 2n ** 40n } });
    const length = mode === 'structured' ? 0xffff_ffffn : 2n ** 64n - 1n;
    session.server.extents = () => [{ length, status: 3n }];
    for (const asked of [1, 4096, 0xffff_0000]) {
      const [answer] = await session.device.blockStatus(512, asked);
      expect(answer?.extents).toEqual([{ offset: 512n, length: BigInt(asked), status: 3n }]);
    }
  }
});

describe('more than a client can use', () => {
  it('extents of one reply are kept up to a limit; the caller asks again for what lies behind', async () => {
    const session = await openSession({ mode: 'extended', facts: { size: 2n ** 40n } });
    session.server.extents = () =>
      Array.from({ length: 200_000 }, (_, index) => ({ length: 1n, status: BigInt(index % 2) }));
    const [answer] = await session.device.blockStatus(0, 2 ** 30);
    expect(answer?.extents).toHaveLength(131_072);
  });

  it('stretches of a read are bounded, so that putting them together takes no time to speak of', async () => {
    const length = 1024 * 1024;
    const onRequest = (request: FakeRequest) => {
      // From the end to the start, with a gap behind each.
      const chunks = Array.from({ length: 20_000 }, (_, index) =>
        Buffer.concat([encodeDataChunkHeader(request.frame(0), BigInt(length - 1 - 2 * index), 1), Uint8Array.of(1)]),
      );
      request.connection.send(Buffer.concat(chunks));
    };
    const { device } = await openSession({ mode: 'structured', content: new Uint8Array(length), onRequest });
    const error = await failure(device.read(0, new Uint8Array(length)));
    expect(error).toMatchObject({ cause: { violation: 'too-many-stretches' } });
  });

  it('chunks of one reply are bounded', async () => {
    const onRequest = (request: FakeRequest) => {
      const chunks = Array.from({ length: 70_000 }, (_, place) =>
        Buffer.concat([encodeDataChunkHeader(request.frame(0), BigInt(place), 1), Uint8Array.of(1)]),
      );
      request.connection.send(Buffer.concat(chunks));
    };
    const { device } = await openSession({ mode: 'structured', onRequest });
    const error = await failure(device.read(0, new Uint8Array(100_000)));
    expect(error).toMatchObject({ cause: { violation: 'too-many-chunks' } });
  });

  it('all of these limits are options', async () => {
    const byteAt = (request: FakeRequest, place: number, isLast: boolean): Uint8Array =>
      Buffer.concat([
        isLast
          ? encodeDataChunkHeader(request.frame(), BigInt(place), 1)
          : encodeDataChunkHeader(request.frame(0), BigInt(place), 1),
        Uint8Array.of(1),
      ]);
    const reading = async (places: readonly number[], limits: MultiplexerOptions['limits']): Promise<unknown> => {
      const onRequest = (request: FakeRequest) => {
        const chunks = places.map((place, index) => byteAt(request, place, index === places.length - 1));
        request.connection.send(Buffer.concat(chunks));
      };
      const { device } = await openSession({ mode: 'structured', onRequest, multiplexer: { limits } });
      return device.read(0, new Uint8Array(places.length)).catch((error: unknown) => error);
    };
    expect(await reading([0, 1, 2], { replyChunksMax: 3 })).toBeUndefined();
    expect(await reading([0, 1, 2, 3], { replyChunksMax: 3 })).toMatchObject({
      cause: { violation: 'too-many-chunks' },
    });
    expect(await reading([4, 2, 0, 1, 3], { replyStretchesMax: 3 })).toBeUndefined();
    expect(await reading([6, 4, 2, 0, 1, 3, 5], { replyStretchesMax: 3 })).toMatchObject({
      cause: { violation: 'too-many-stretches' },
    });

    const status = async (limits: MultiplexerOptions['limits']): Promise<unknown> => {
      const { device, server } = await openSession({ mode: 'structured', multiplexer: { limits } });
      server.extents = () => [0n, 1n, 2n, 3n].map((one) => ({ length: 512n, status: one }));
      try {
        const [answer] = await device.blockStatus(0, 2048);
        return answer?.extents.length;
      } catch (error) {
        return error;
      }
    };
    expect(await status({ replyExtentsMax: 4 })).toBe(4);
    expect(await status({ replyExtentsMax: 3 })).toMatchObject({ cause: { violation: 'too-many-extents' } });
    expect(await status({ extentsKeptMax: 3 })).toBe(3);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('a limit of %d is none', (replyChunksMax) => {
    expect(() => makeSession({ multiplexer: { limits: { replyChunksMax } } })).toThrow(
      `createMultiplexer: limits: replyChunksMax is ${replyChunksMax}, expected a whole number from 1 on`,
    );
  });
});
