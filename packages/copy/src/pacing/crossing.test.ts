import { describe, expect, it } from 'vitest';
import { Crossing } from './crossing.ts';

const window = 262_144;

/** What a request costs, and a byte, on a path that carries one after the other. */
interface Way {
  readonly requestMs: number;
  readonly byteMs: number;
}

/**
 * Copies so many windows of data and gaps of `pieceBytes` each, in virtual time. Returns how long it took.
 */
function run(crossing: Crossing, windows: number, pieceBytes: number, way: Way, startMs = 0): number {
  let nowMs = startMs;
  const complete = (bytes: number): void => {
    nowMs += way.requestMs + bytes * way.byteMs;
    crossing.completed(bytes, 32, nowMs);
  };
  const pieces = window / pieceBytes / 2;
  for (let index = 0; index < windows; index++) {
    if (crossing.limit >= pieceBytes) {
      crossing.reads(window - pieceBytes, (pieces - 1) * pieceBytes);
      complete(window - pieceBytes);
      continue;
    }
    for (let piece = 0; piece < pieces; piece++) {
      crossing.reads(pieceBytes, 0);
      crossing.stopsAt(pieceBytes);
      complete(pieceBytes);
    }
  }
  return nowMs - startMs;
}

/** What the same takes when every window is read whole. */
const whole = (windows: number, pieceBytes: number, way: Way): number =>
  windows * (way.requestMs + (window - pieceBytes) * way.byteMs);

describe('A9: gaps between data', () => {
  it('are read as long as nothing is known', () => {
    expect(new Crossing(window).limit).toBe(window);
  });

  it.each([0.05, 2, 10])('are read across where a request costs %f ms, at no price to speak of', (requestMs) => {
    const way = { requestMs, byteMs: 1e-7 };
    const crossing = new Crossing(window);
    const tookMs = run(crossing, 20_000, 4096, way);
    expect(crossing.limit).toBe(window);
    expect(tookMs / whole(20_000, 4096, way)).toBeLessThan(1.1);
  });

  it('are not read where bytes are dear, except short ones', () => {
    const way = { requestMs: 0.05, byteMs: 1e-5 };
    const crossing = new Crossing(window);
    const tookMs = run(crossing, 5000, 16_384, way);
    expect(crossing.limit).toBeCloseTo(5000, -2);
    expect(tookMs / whole(5000, 16_384, way)).toBeLessThan(0.85);
    const fineMs = run(crossing, 5000, 4096, way, tookMs);
    expect(fineMs / whole(5000, 4096, way)).toBeLessThan(1.05);
  });

  it('are read again when the path has changed', () => {
    const crossing = new Crossing(window);
    const tookMs = run(crossing, 5000, 16_384, { requestMs: 0.05, byteMs: 1e-5 });
    expect(crossing.limit).toBeLessThan(16_384);
    run(crossing, 5000, 16_384, { requestMs: 5, byteMs: 1e-7 }, tookMs);
    expect(crossing.limit).toBe(window);
  });

  it('are read without a trial where there is little to gain', () => {
    const crossing = new Crossing(window);
    let nowMs = 0;
    for (let index = 0; index < 20_000; index++) {
      crossing.reads(window, window / 4);
      nowMs += 5;
      crossing.completed(window, 32, nowMs);
      expect(crossing.limit).toBe(window);
    }
  });
});
