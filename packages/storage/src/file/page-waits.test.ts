import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { PageWaits } from './page-waits.ts';

/** Turns of the event loop take this long, in milliseconds. */
const turnMs = 0.1;

let clock: VirtualClock;
let waits: PageWaits;
let turns: (() => void)[];

beforeEach(() => {
  clock = new VirtualClock();
  turns = [];
  waits = new PageWaits(clock, (task) => void turns.push(task));
});

/** Takes turns while somebody waits for the next one. */
async function takeTurns(count = Number.POSITIVE_INFINITY): Promise<void> {
  for (let taken = 0; taken < count && turns.length > 0; taken++) {
    await clock.advance(turnMs);
    for (const task of turns.splice(0)) task();
    await Promise.resolve();
  }
}

/** A read whose pages come after this time, in milliseconds. */
function pagesAfter(delayMs: number): { attempt: () => boolean; attempts: () => number } {
  const readyMs = clock.now() + delayMs;
  let count = 0;
  return {
    attempt: () => {
      count++;
      return clock.now() >= readyMs;
    },
    attempts: () => count,
  };
}

async function waitOnce(delayMs: number): Promise<boolean> {
  const result = waits.until(pagesAfter(delayMs).attempt);
  await takeTurns();
  return result;
}

describe('a wait for pages', () => {
  it('ends with the attempt that finds them', async () => {
    const pages = pagesAfter(0.25);
    const result = waits.until(pages.attempt);
    await takeTurns();
    expect(await result).toBe(true);
    expect(pages.attempts()).toBe(3);
    expect(turns).toHaveLength(0);
  });

  it('is left to a thread when nothing comes in half a millisecond', async () => {
    const pages = pagesAfter(10);
    const result = waits.until(pages.attempt);
    await takeTurns();
    expect(await result).toBe(false);
    expect(clock.now()).toBeLessThan(0.8);
    expect(turns).toHaveLength(0);
  });

  it('goes on as long as the disk delivers, also for those that wait behind others', async () => {
    const results = Array.from({ length: 64 }, (_, index) => waits.until(pagesAfter(0.3 * (index + 1)).attempt));
    await takeTurns();
    expect(await Promise.all(results)).toEqual(Array.from({ length: 64 }, () => true));
  });

  it('makes few attempts in vain in each turn, however many reads wait', async () => {
    const pages = Array.from({ length: 64 }, () => pagesAfter(10));
    const results = pages.map(({ attempt }) => waits.until(attempt));
    await takeTurns(1);
    expect(pages.reduce((sum, { attempts }) => sum + attempts(), 0)).toBe(2);
    await takeTurns();
    expect(await Promise.all(results)).toEqual(pages.map(() => false));
  });

  it('ends where the clock stands still', async () => {
    const result = waits.until(() => false);
    for (let turn = 0; turn < 20_000 && turns.length > 0; turn++) for (const task of turns.splice(0)) task();
    expect(await result).toBe(false);
  });
});

describe('a disk that takes longer', () => {
  it('is waited for by threads, each time for longer', async () => {
    for (const pauseMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      for (let count = 0; count < 8; count++) {
        expect(waits.isWorthIt).toBe(true);
        expect(await waitOnce(10)).toBe(false);
      }
      expect(waits.isWorthIt).toBe(false);
      await clock.advance(pauseMs - 1);
      expect(waits.isWorthIt).toBe(false);
      await clock.advance(1);
    }
  });

  it('is forgiven when one of a few reads takes long', async () => {
    for (let count = 0; count < 20; count++) {
      expect(await waitOnce(10)).toBe(false);
      expect(await waitOnce(0.2)).toBe(true);
    }
    expect(waits.isWorthIt).toBe(true);
  });

  it('is tried from the beginning after it was quick again', async () => {
    for (let count = 0; count < 8; count++) await waitOnce(10);
    await clock.advance(1000);
    expect(await waitOnce(0.2)).toBe(true);
    for (let count = 0; count < 8; count++) await waitOnce(10);
    await clock.advance(1000);
    expect(waits.isWorthIt).toBe(true);
  });
});
