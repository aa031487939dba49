/** The budget that threads share: exact at its bound, and given back when a thread dies. */
import { describe, expect, it } from 'vitest';
import { SharedTotal, sharedTotalMemory } from './shared-total.ts';

function totals(budgetBytes: number, count = 2): SharedTotal[] {
  const memory = sharedTotalMemory(count);
  return Array.from({ length: count }, (_, thread) => new SharedTotal(memory, thread, budgetBytes));
}

describe('SharedTotal', () => {
  it('takes up to the bound over all threads, and any amount while nothing is used', () => {
    const [one, other] = totals(1000) as [SharedTotal, SharedTotal];
    expect(one.tryMove(0, 600, 1000)).toBe(true);
    expect(other.tryMove(0, 401, 1000)).toBe(false);
    expect(other.tryMove(0, 400, 1000)).toBe(true);
    expect([one.usedBytes, other.usedBytes]).toEqual([1000, 1000]);
    one.move(600, 0);
    other.move(400, 0);
    expect(one.tryMove(0, 5000, 1000)).toBe(true);
  });

  it('gives back what a dead thread has used, counted and waited for, and nothing of the others', () => {
    const [one, other] = totals(1000) as [SharedTotal, SharedTotal];
    for (const total of [one, other]) {
      total.addAccounts(1);
      total.move(0, 300);
      total.setWaiting(true);
    }
    expect([one.usedBytes, one.accountCount, one.doOthersWait]).toEqual([600, 2, true]);
    other.release();
    expect([one.usedBytes, one.accountCount, one.doOthersWait]).toEqual([300, 1, false]);
  });

  it('counts a budget of many gigabytes without losing anything when accounts take and give back in other parts', () => {
    const gigabytes = 64 * 2 ** 30;
    const [one] = totals(gigabytes, 1) as [SharedTotal];
    let used = 0;
    for (const step of [10, 4096, 1, 33_000_000, -4000, -33_000_000, -107]) {
      one.move(used, used + step);
      used += step;
    }
    expect(used).toBe(0);
    expect(one.usedBytes).toBe(0);
    expect(one.tryMove(0, gigabytes, gigabytes)).toBe(true);
    expect(one.tryMove(0, 1, gigabytes)).toBe(false);
  });
});
