/** Reads whose memory is asked for when the first bytes are there. */
import { UsageError } from '@nbdjs/interfaces';
import { WireError } from '@nbdjs/protocol';
import { type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it, vi } from 'vitest';
import { failure, openSession, type SessionOptions, same, turn } from './session.ts';

const memoryOf = (length: number) => vi.fn(() => new Uint8Array(length).fill(0xcc));

async function heldSession(options: SessionOptions = {}) {
  const held: FakeRequest[] = [];
  const session = await openSession({ ...options, onRequest: (request) => void held.push(request) });
  return { ...session, held };
}

describe.each(['simple', 'structured', 'extended'] as const)('late memory, %s replies', (mode) => {
  it('is asked for once, when the answer begins', async () => {
    const { device, held, server } = await heldSession({ mode });
    const provide = memoryOf(1000);
    const reading = device.deferredReads.readInto(5000, 1000, provide);
    await turn();
    expect(provide).not.toHaveBeenCalled();
    held[0]?.answer();
    await reading;
    expect(provide).toHaveBeenCalledTimes(1);
    expect(same(provide.mock.results[0]?.value, server.content.subarray(5000, 6000))).toBe(true);
  });

  it('is never asked for by a read that fails', async () => {
    const { device, held } = await heldSession({ mode });
    const provide = memoryOf(1000);
    const reading = device.deferredReads.readInto(5000, 1000, provide);
    await turn();
    held[0]?.fail(WireError.Eio);
    expect(await failure(reading)).toMatchObject({ code: 'EIO' });
    expect(provide).not.toHaveBeenCalled();
  });

  it('is not asked for any more when the read was abandoned', async () => {
    const { device, held } = await heldSession({ mode });
    const provide = memoryOf(1000);
    const abort = new AbortController();
    const reading = device.deferredReads.readInto(5000, 1000, provide, { signal: abort.signal });
    await turn();
    abort.abort(new Error('enough'));
    expect(await failure(reading)).toBe(abort.signal.reason);
    held[0]?.answer();
    await turn();
    expect(provide).not.toHaveBeenCalled();
  });

  it.each([
    ['too short', () => new Uint8Array(999), 'ERR_NBD_ARGUMENT'],
    ['too long', () => new Uint8Array(1001), 'ERR_NBD_ARGUMENT'],
    [
      'not there at all',
      () => {
        throw new UsageError('ERR_NBD_CLOSED', 'there is none');
      },
      'ERR_NBD_CLOSED',
    ],
  ])('that is %s ends the call, and not the connection', async (_what, provide, code) => {
    const { device, server } = await openSession({ mode });
    expect(await failure(device.deferredReads.readInto(0, 1000, provide))).toMatchObject({ code });
    const target = new Uint8Array(100);
    await device.read(7, target);
    expect(same(target, server.content.subarray(7, 107))).toBe(true);
    expect(server.connections).toHaveLength(1);
  });
});

describe('late memory', () => {
  it('is filled by pieces in any order, and by holes', async () => {
    const { device, held, server } = await heldSession();
    server.content.fill(0, 5000, 5400);
    const provide = memoryOf(1000);
    const reading = device.deferredReads.readInto(5000, 1000, provide);
    await turn();
    held[0]?.answerRead([
      { type: 'hole', offset: 5000n, length: 400 },
      { type: 'data', offset: 5700n, length: 300 },
      { type: 'data', offset: 5400n, length: 300 },
    ]);
    await reading;
    expect(provide).toHaveBeenCalledTimes(1);
    expect(same(provide.mock.results[0]?.value, server.content.subarray(5000, 6000))).toBe(true);
  });

  it('serves several requests of one call', async () => {
    const content = patternBytes(100_000);
    const { device, server } = await openSession({
      content,
      facts: { blockSizes: { minimum: 512, preferred: 4096, maximum: 8192 } },
    });
    for (const [offset, length] of [
      [0, 81_920],
      [700, 30_001],
    ] as const) {
      const provide = memoryOf(length);
      await device.deferredReads.readInto(offset, length, provide);
      expect(provide).toHaveBeenCalledTimes(1);
      expect(same(provide.mock.results[0]?.value, content.subarray(offset, offset + length))).toBe(true);
    }
    expect(server.requests.length).toBeGreaterThan(10);
  });

  it('is not asked for when the call is refused', async () => {
    const { device } = await openSession();
    const provide = memoryOf(10);
    expect(await failure(device.deferredReads.readInto(256 * 1024, 10, provide))).toMatchObject({
      code: 'ERR_NBD_OUT_OF_BOUNDS',
    });
    await device.close();
    expect(await failure(device.deferredReads.readInto(0, 10, provide))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(provide).not.toHaveBeenCalled();
  });
});
