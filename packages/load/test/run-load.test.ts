/** Loads in virtual time: when they begin and end, what they count, and how long requests take. */
import { CommandError, ConnectionLostError } from '@nbdjs/interfaces';
import { createFaultLayer, createMemoryDevice, createReadOnlyLayer } from '@nbdjs/storage';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type LoadProgress, runLoad } from '../src/index.ts';
import { inVirtualTime, mebi, slowDevice } from './support.ts';

const near = (value: number) => expect.closeTo(value, value < 100 ? 0 : -Math.log10(value / 100));

describe('closed loop', () => {
  it('keeps as many requests in flight as it is told to, for its time', async () => {
    const clock = new VirtualClock();
    const report = await inVirtualTime(clock, slowDevice(clock, 10), { depth: 4, durationMs: 1000 });
    expect(report).toMatchObject({ end: 'time', unfinished: 0, notBegun: 0, errors: [], error: undefined });
    expect(report.seconds).toBe(1);
    expect(report.total.requests).toBe(400);
    expect(report.total.bytes).toBe(400 * 4096);
    expect(report.total.requestsPerSecond).toBe(400);
    const { latency } = report.total;
    expect(latency).toMatchObject({ count: 400, minUs: near(10_000), meanUs: near(10_000), maxUs: near(10_000) });
    expect(latency?.percentilesUs['99']).toEqual(near(10_000));
    expect(latency?.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(400);
    expect(latency?.buckets.at(-1)).toEqual({ fromUs: 8192, toUs: 16_384, count: 400 });
    expect(clock.pending).toBe(0);
  });

  it('ends after a number of requests or of bytes', async () => {
    const clock = new VirtualClock();
    const counted = await inVirtualTime(clock, slowDevice(clock, 10), { depth: 8, requests: 100 });
    expect(counted).toMatchObject({ end: 'requests', total: { requests: 100 } });
    const sized = await inVirtualTime(clock, slowDevice(clock, 10), { depth: 8, bytes: mebi, requestSize: 8192 });
    expect(sized).toMatchObject({ end: 'bytes', total: { requests: 128, bytes: mebi } });
  });

  it('does not count what is done while warming up', async () => {
    const clock = new VirtualClock();
    const report = await inVirtualTime(clock, slowDevice(clock, 10), { depth: 1, warmUpMs: 500, durationMs: 1000 });
    expect(report.total.requests).toBe(100);
    expect(report.seconds).toBe(1);
    const counted = await inVirtualTime(clock, slowDevice(clock, 10), { depth: 4, warmUpMs: 500, requests: 100 });
    expect(counted).toMatchObject({ end: 'requests', seconds: 0.25, total: { requests: 100 } });
  });

  it('mixes kinds and lengths by their shares, the same for the same seed', async () => {
    const options = { requests: 4000, readShare: 0.5, trimShare: 0.1, zeroShare: 0.1, requestSizeMax: 16_384 } as const;
    const run = () => runLoad(createMemoryDevice({ size: 8 * mebi }), { ...options, depth: 1, seed: 7 });
    const [one, other] = [await run(), await run()];
    const { read, write, trim, zero } = one.kinds;
    expect(read?.requests).toBeGreaterThan(1900);
    expect(read?.requests).toBeLessThan(2100);
    expect(trim?.requests).toBeGreaterThan(330);
    expect(zero?.requests).toBeLessThan(470);
    expect((write?.requests ?? 0) + (read?.requests ?? 0) + (trim?.requests ?? 0) + (zero?.requests ?? 0)).toBe(4000);
    // The mean of 4, 8, 12 and 16 KiB.
    expect(one.total.bytes / 4000).toBeGreaterThan(10_000);
    expect(one.total.bytes / 4000).toBeLessThan(10_500);
    expect(other.total.bytes).toBe(one.total.bytes);
    expect(other.kinds.write?.bytes).toBe(write?.bytes);
  });

  it('flushes after so many writes', async () => {
    const report = await runLoad(createMemoryDevice({ size: mebi }), {
      requests: 100,
      readShare: 0,
      flushEvery: 10,
      depth: 1,
    });
    expect(report.kinds.flush).toMatchObject({ bytes: 0 });
    expect([9, 10]).toContain(report.kinds.flush?.requests);
    expect(report.total.requests).toBe(100);
  });

  it('stays within its range', async () => {
    const offsets: number[] = [];
    const memory = createMemoryDevice({ size: mebi });
    const seen = createFaultLayer(memory, {
      fail: ({ offset }) => {
        offsets.push(Number(offset));
        return undefined;
      },
    });
    const range = { offset: 65_536, length: 131_072 } as const;
    for (const pattern of ['sequential', 'random', 'zipf'] as const) {
      offsets.length = 0;
      await runLoad(seen, { ...range, pattern, requests: 500, requestSizeMax: 12_288 });
      expect(offsets).toHaveLength(500);
      expect(Math.min(...offsets)).toBe(65_536);
      expect(Math.max(...offsets)).toBeGreaterThanOrEqual(65_536 + 131_072 - 5 * 12_288);
      expect(Math.max(...offsets)).toBeLessThan(65_536 + 131_072);
      expect(offsets.every((offset) => offset % 4096 === 0)).toBe(true);
    }
  });
});

describe('with a rate', () => {
  it('begins requests at their moments, however quick the answers are', async () => {
    const clock = new VirtualClock();
    const options = { requestsPerSecond: 200, depth: 4, durationMs: 2000 };
    const report = await inVirtualTime(clock, slowDevice(clock, 1), options);
    expect(report.total.requests).toBe(400);
    expect(report.total.latency?.maxUs).toEqual(near(1000));
    expect(report.notBegun).toBe(0);
  });

  it('counts latencies from the moment at which requests had to begin', async () => {
    const clock = new VirtualClock();
    // The device stops for a second in the middle: 100 requests have to begin meanwhile.
    const device = createMemoryDevice({ size: mebi });
    const read = device.read.bind(device);
    device.read = async (offset, target) => {
      const leftMs = clock.now() >= 1000 && clock.now() < 2000 ? 2000 - clock.now() : 0;
      if (leftMs > 0) await new Promise<void>((resolve) => clock.schedule(leftMs, resolve));
      return read(offset, target);
    };
    const options = { requestsPerSecond: 100, depth: 1, durationMs: 3000 };
    const { total, delays } = await inVirtualTime(clock, device, options);
    expect(total.requests).toBe(300);
    // A closed loop would have seen one slow request of 300. A third of the requests had to wait, half a second on average.
    expect(total.latency?.maxUs).toEqual(near(1_000_000));
    expect(total.latency?.percentilesUs['90']).toBeGreaterThan(600_000);
    expect(total.latency?.percentilesUs['50']).toBeLessThan(1000);
    expect(delays?.maxUs).toBeGreaterThan(900_000);
  });

  it('says how many requests found no room', async () => {
    const clock = new VirtualClock();
    const options = { requestsPerSecond: 100, depth: 1, durationMs: 2000 };
    const report = await inVirtualTime(clock, slowDevice(clock, 100), options);
    expect(report.total.requests).toBe(20);
    expect(report.notBegun).toBe(180);
  });
});

describe('errors', () => {
  it('of single requests are counted and named, and the load goes on', async () => {
    const device = createFaultLayer(createMemoryDevice({ size: mebi }), {
      fail: ({ command, index }) => (index % 10 !== 0 ? undefined : command === 'read' ? 'EIO' : 'ENOSPC'),
    });
    const report = await runLoad(device, { requests: 1000, readShare: 0.5, depth: 1 });
    expect(report.end).toBe('requests');
    expect(report.total.requests).toBe(900);
    expect(report.errors.map(({ kind, code }) => `${kind} ${code}`).sort()).toEqual(['read EIO', 'write ENOSPC']);
    expect(report.errors.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    expect(report.errors[0]?.message).toMatch(/^(read|write) of 4096 bytes at \d+ fails/);
  });

  it('that end the device end the load, which says what was measured', async () => {
    const device = createMemoryDevice({ size: mebi });
    let reads = 0;
    device.read = () => {
      if (++reads > 50) return Promise.reject(new ConnectionLostError('unknown', 'the server is gone'));
      return reads % 5 === 0 ? Promise.reject(new CommandError('EIO', 'no')) : undefined;
    };
    const report = await runLoad(device, { durationMs: 10_000, depth: 2 });
    expect(report).toMatchObject({ end: 'error', error: expect.any(ConnectionLostError), total: { requests: 40 } });
    expect(report.errors).toContainEqual({ kind: 'read', code: 'EIO', message: 'no', count: 10 });
  });

  it('a device that does not answer is waited for as long as the options say', async () => {
    const clock = new VirtualClock();
    const device = createMemoryDevice({ size: mebi });
    device.read = () => new Promise(() => {});
    const report = await inVirtualTime(clock, device, { durationMs: 1000, drainMs: 300, depth: 3 });
    expect(report).toMatchObject({ end: 'time', unfinished: 3, total: { requests: 0, latency: undefined } });
    expect(clock.now()).toBe(1300);
    expect(clock.pending).toBe(0);
  });
});

it('ends when it is stopped, with what was measured so far', async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const options = { durationMs: 60_000, depth: 2, signal: stop.signal };
  const report = await inVirtualTime(clock, slowDevice(clock, 10), options, async () => {
    await clock.advance(2000);
    stop.abort();
  });
  expect(report.end).toBe('stopped');
  expect(report.total.requests).toBe(402);
  expect(clock.pending).toBe(0);
});

it('reports its progress once a second', async () => {
  const clock = new VirtualClock();
  const seen: LoadProgress[] = [];
  await inVirtualTime(clock, slowDevice(clock, 10), {
    durationMs: 3000,
    warmUpMs: 1500,
    depth: 1,
    onProgress: (progress) => seen.push(progress),
  });
  expect(seen.map(({ seconds }) => seconds)).toEqual([-0.5, 0.5, 1.5, 2.5]);
  expect(seen.map(({ phase }) => phase)).toEqual(['warming-up', 'measuring', 'measuring', 'measuring']);
  expect(seen.at(-1)).toMatchObject({ requests: 249, requestsPerSecond: 100, failed: 0, p99Us: near(10_000) });
});

describe('is refused', () => {
  const device = createMemoryDevice({ size: mebi });
  const readOnly = createReadOnlyLayer(device);

  it.each([
    [device, { readShare: 0.8, trimShare: 0.3 }, 'the shares of reads, trims and zeroes are more than the whole'],
    [device, { requestSize: 4096, requestSizeMax: 6000 }, 'requestSizeMax 6000 is no multiple of requestSize 4096'],
    [device, { offset: 2 * mebi }, 'offset 2097152 lies behind the end at 1048576'],
    [device, { requestSize: 2 * mebi }, 'the range has 0 bytes, and a request 2097152'],
    [device, { depth: 65_536, requestSize: mebi }, 'take more than 1 GiB of memory'],
    [readOnly, { readShare: 0.5 }, 'the device is read-only, and not all requests are reads'],
    [device, { verify: true, requestSize: 256 }, 'verify needs a requestSize from 512 on'],
    [createMemoryDevice({ size: 2 ** 40 }), { verify: true }, 'give a length of at most 274877906944'],
  ])('%#', async (target, options, message) => {
    await expect(runLoad(target, options)).rejects.toThrow(message);
  });
});
