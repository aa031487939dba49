import { describe, expect, it } from 'vitest';
import { IntakePace } from './intake-pace.ts';

const mostBytes = 64 * 1024;
const leastBytes = 16 * 1024 + 128;

/** Lets reads bring `share(bytes asked for)` of what was asked for; returns the paces after each. */
function run(pace: IntakePace, reads: number, share: (bytes: number, index: number) => number): number[] {
  return Array.from({ length: reads }, (_, index) => {
    pace.note(Math.floor(pace.bytes * share(pace.bytes, index)), pace.bytes);
    return pace.bytes;
  });
}

describe('intake pace', () => {
  it('begins with all, and stays there while every read is full', () => {
    const pace = new IntakePace(mostBytes);
    expect(pace.bytes).toBe(mostBytes);
    expect(run(pace, 100, () => 1)).toEqual(new Array(100).fill(mostBytes));
  });

  it('goes down with short reads, never below a record of TLS, and comes back with full ones', () => {
    const pace = new IntakePace(mostBytes);
    const paces = run(pace, 100, () => 0.5);
    expect(paces).toEqual([...paces].sort((one, other) => other - one));
    expect(pace.bytes).toBe(leastBytes);
    run(pace, 60, () => 1);
    expect(pace.bytes).toBe(mostBytes);
  });

  it('goes up where fewer than a third of the reads are short, and down where more are', () => {
    const shortEach = (every: number): number => {
      const pace = new IntakePace(mostBytes);
      run(pace, 10, () => 0.5);
      run(pace, 600, (_, index) => (index % every === every - 1 ? 0.5 : 1));
      return pace.bytes;
    };
    expect(shortEach(4)).toBeGreaterThan(mostBytes * 0.9);
    expect(shortEach(2)).toBe(leastBytes);
  });

  it('finds what is there', () => {
    for (const thereBytes of [20_000, 33_000, 50_000]) {
      const pace = new IntakePace(mostBytes);
      const paces = run(pace, 200, (bytes) => Math.min(1, thereBytes / bytes));
      for (const bytes of paces.slice(100)) expect(Math.abs(bytes / thereBytes - 1)).toBeLessThan(0.1);
    }
  });

  it('is a whole number of bytes', () => {
    const pace = new IntakePace(mostBytes);
    expect(run(pace, 500, (_, index) => (index % 7 < 3 ? 0.3 : 1)).every(Number.isInteger)).toBe(true);
  });
});
