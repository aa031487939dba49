import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MemoryAccount, MemoryBudget } from './memory-budget.ts';

/** A budget whose next turn comes when it is told to. */
function makeBudget(bytes: number) {
  const tasks: (() => void)[] = [];
  const budget = new MemoryBudget(bytes, (task) => void tasks.push(task));
  const nextTurn = (): void => {
    for (const task of tasks.splice(0)) task();
  };
  return { budget, nextTurn };
}

/** Wants things one after the other, as a client does, and tries again when it is called. */
class Taker {
  readonly account: MemoryAccount;
  readonly #wants = new Map<string, number>();

  constructor(budget: MemoryBudget) {
    this.account = budget.openAccount(() => this.retry());
  }

  get isWaiting(): boolean {
    return this.#wants.size > 0;
  }

  want(purpose: string, bytes: number): void {
    if (this.#wants.has(purpose)) return;
    if (!this.account.take(bytes, purpose)) this.#wants.set(purpose, bytes);
  }

  retry(): void {
    for (const [purpose, bytes] of this.#wants) {
      if (this.account.take(bytes, purpose)) this.#wants.delete(purpose);
    }
  }
}

describe('memory that clients share', () => {
  it('is waited for until it is there, whatever else is granted meanwhile', () => {
    const { budget, nextTurn } = makeBudget(1000);
    const [hoarder, client] = [new Taker(budget), new Taker(budget)];
    hoarder.want('payload', 500);
    client.want('long read', 400);
    client.want('short write', 10);
    expect([client.isWaiting, client.account.usedBytes, budget.isShort]).toEqual([true, 10, true]);
    hoarder.account.giveBack(500);
    nextTurn();
    expect([client.isWaiting, client.account.usedBytes, budget.isShort]).toEqual([false, 410, false]);
  });

  it('goes to the client that has waited longest, whose further needs go to the end of the queue', () => {
    const { budget, nextTurn } = makeBudget(1000);
    const [hoarder, first, second] = [new Taker(budget), new Taker(budget), new Taker(budget)];
    hoarder.want('payload', 1000);
    first.want('one', 500);
    first.want('two', 300);
    second.want('one', 400);
    hoarder.account.giveBack(1000);
    nextTurn();
    expect([first.account.usedBytes, second.account.usedBytes]).toEqual([500, 0]);
    first.account.giveBack(500);
    nextTurn();
    // The second comes before what the first one wants besides, for which there is not enough then.
    expect([first.account.usedBytes, second.account.usedBytes]).toEqual([0, 400]);
  });

  it('is given to every client in the end, in any order of events', () => {
    const step = fc.record({
      who: fc.nat(3),
      purpose: fc.constantFrom('request', 'payload'),
      bytes: fc.integer({ min: 1, max: 1500 }),
      givesBack: fc.boolean(),
      turnFollows: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { budget, nextTurn } = makeBudget(1000);
        const takers = Array.from({ length: 4 }, () => new Taker(budget));
        for (const { who, purpose, bytes, givesBack, turnFollows } of steps) {
          const taker = takers[who] as Taker;
          if (givesBack) taker.account.giveBack(taker.account.usedBytes);
          else taker.want(purpose, bytes);
          if (turnFollows) nextTurn();
          expect(budget.isShort).toBe(takers.some(({ isWaiting }) => isWaiting));
        }
        // Each round, one at least gets what it wants.
        for (let round = 0; round < 2 * takers.length + 1; round++) {
          for (const { account } of takers) account.giveBack(account.usedBytes);
          nextTurn();
          budget.unstick();
        }
        expect(takers.filter(({ isWaiting }) => isWaiting)).toEqual([]);
        expect(budget.isShort).toBe(false);
        for (const { account } of takers) account.close();
        expect(budget.usedBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
