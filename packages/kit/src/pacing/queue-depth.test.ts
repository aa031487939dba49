import { describe, expect, it } from 'vitest';
import { QueueDepth } from './queue-depth.ts';

const requestBytes = 262_144;

/**
 * A copy in virtual time. Every request takes `latencyMs` at least, and they end `serviceMs` apart at the earliest.
 * Returns the depth after each request.
 */
function run(
  depth: QueueDepth,
  requests: number,
  way: { readonly latencyMs: number; readonly serviceMs: number },
  startMs = 0,
): number[] {
  const limits: number[] = [];
  const inFlight: { startMs: number; endMs: number }[] = [];
  let nowMs = startMs;
  let freeMs = startMs;
  while (limits.length < requests) {
    while (inFlight.length < depth.limit) {
      freeMs = Math.max(nowMs + way.latencyMs, freeMs + way.serviceMs);
      inFlight.push({ startMs: nowMs, endMs: freeMs });
    }
    const next = inFlight.shift();
    if (next === undefined) throw new Error('the depth has become 0');
    nowMs = Math.max(nowMs, next.endMs);
    depth.completed(next.startMs, nowMs);
    limits.push(depth.limit);
  }
  return limits;
}

const last = (limits: readonly number[]): number | undefined => limits.at(-1);

describe('the depth', () => {
  it('begins with what keeps two servers on one machine busy, within what is allowed', () => {
    expect(new QueueDepth(256, 262_144).limit).toBe(16);
    expect(new QueueDepth(256, 65_536).limit).toBe(64);
    expect(new QueueDepth(256, 33_554_432).limit).toBe(8);
    expect(new QueueDepth(3, 262_144).limit).toBe(3);
    expect(new QueueDepth(1, 33_554_432).limit).toBe(1);
  });

  it('stays where it is while more brings nothing, trying ever more seldom', () => {
    const depth = new QueueDepth(256, requestBytes);
    const limits = run(depth, 300_000, { latencyMs: 0.3, serviceMs: 0.2 });
    expect(new Set(limits)).toEqual(new Set([16, 32]));
    const trials = limits.filter((limit, index) => limit === 32 && limits[index - 1] === 16).length;
    // In 60 s: at once, then after 2, 4, 8, 16, 16, ... s.
    expect(trials).toBeGreaterThanOrEqual(5);
    expect(trials).toBeLessThanOrEqual(7);
    expect(limits.filter((limit) => limit === 32).length / limits.length).toBeLessThan(0.05);
    expect(last(limits)).toBe(16);
  });

  it('doubles while that pays, when each request takes its time and many can be under way', () => {
    const depth = new QueueDepth(256, requestBytes);
    expect(last(run(depth, 5000, { latencyMs: 8, serviceMs: 0.01 }))).toBe(256);
  });

  it('stops doubling where it has stopped to pay', () => {
    const depth = new QueueDepth(1024, requestBytes);
    // 100 requests are what the pipe holds.
    const limits = run(depth, 20_000, { latencyMs: 3, serviceMs: 0.03 });
    expect(last(limits)).toBe(128);
    expect(Math.max(...limits)).toBe(256);
  });

  it('finds out later when a server that was quick at first has become slow to answer', () => {
    const depth = new QueueDepth(256, requestBytes);
    const nearMs = 5000 * 0.2;
    expect(last(run(depth, 5000, { latencyMs: 0.3, serviceMs: 0.2 }))).toBe(16);
    expect(last(run(depth, 20_000, { latencyMs: 40, serviceMs: 0.2 }, nearMs))).toBe(256);
  });

  it('makes no trials where the maximum is in use', () => {
    const depth = new QueueDepth(16, requestBytes);
    expect(new Set(run(depth, 10_000, { latencyMs: 0.3, serviceMs: 0.2 }))).toEqual(new Set([16]));
  });
});

/** A link in virtual time: what is on its way, and what one byte takes. */
interface Link {
  readonly roundTripMs: number;
  readonly bytesPerMs: number;
}

const mebi = 2 ** 20;
const max = (64 * mebi) / requestBytes;

/** Reads through a link until `untilMs`. Returns the bytes that came in the last half of the time, and the depths in it. */
function readThrough(link: Link, untilMs: number): { bytesPerMs: number; depths: readonly number[]; peak: number } {
  const depth = new QueueDepth(max, requestBytes);
  const inFlight: { readonly startMs: number; readonly endMs: number }[] = [];
  const depths: number[] = [];
  let [nowMs, freeMs, bytes, peak] = [0, 0, 0, 0];
  for (;;) {
    while (inFlight.length < depth.limit) {
      freeMs = Math.max(nowMs + link.roundTripMs, freeMs) + requestBytes / link.bytesPerMs;
      inFlight.push({ startMs: nowMs, endMs: freeMs });
    }
    const next = inFlight.shift();
    if (next === undefined) throw new Error('the depth has become 0');
    nowMs = Math.max(nowMs, next.endMs);
    if (nowMs > untilMs) return { bytesPerMs: bytes / (untilMs / 2), depths, peak };
    // Callers have clocks of whole milliseconds, too.
    depth.completed(Math.floor(next.startMs), Math.floor(nowMs));
    peak = Math.max(peak, depth.limit);
    if (nowMs < untilMs / 2) continue;
    bytes += requestBytes;
    depths.push(depth.limit);
  }
}

describe('the depth for a link', () => {
  const links = [0.1, 5, 50, 200].flatMap((roundTripMs) =>
    [10e3, 100e3, 1e6, 4e6].map((bytesPerMs) => ({ roundTripMs, bytesPerMs })),
  );

  it.each(links)('of $roundTripMs ms and $bytesPerMs bytes/ms uses it, and is not much more than it holds', (link) => {
    const { bytesPerMs, depths, peak } = readThrough(link, 30_000);
    const reachable = Math.min(link.bytesPerMs, (max * requestBytes) / link.roundTripMs);
    expect(bytesPerMs).toBeGreaterThan(0.9 * reachable);
    const held = (link.roundTripMs * link.bytesPerMs) / requestBytes;
    const sorted = depths.toSorted((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)] as number;
    expect(median).toBeLessThanOrEqual(Math.min(max, Math.max(32, 2.5 * held + 2)));
    expect(peak).toBeLessThanOrEqual(Math.min(max, Math.max(128, 8 * held)));
  });

  it('is found within eight round trips, where the server is far away', () => {
    const { bytesPerMs } = readThrough({ roundTripMs: 50, bytesPerMs: 800e3 }, 800);
    expect(bytesPerMs).toBeGreaterThan(0.95 * 800e3);
  });
});
