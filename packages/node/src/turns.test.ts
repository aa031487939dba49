import { describe, expect, it } from 'vitest';
import { afterMicrotasks, nextTurn } from './turns.ts';

describe('the turns of the event loop', () => {
  it('runs a task after the microtasks, those that microtasks have added included', async () => {
    const order: string[] = [];
    await Promise.resolve();
    afterMicrotasks(() => order.push('after microtasks'));
    queueMicrotask(() => {
      order.push('first');
      queueMicrotask(() => order.push('second'));
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['first', 'second', 'after microtasks']);
  });

  it('runs a task of the next turn after all tasks of this one', async () => {
    const order: string[] = [];
    nextTurn(() => order.push('next turn'));
    afterMicrotasks(() => order.push('this turn'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['this turn', 'next turn']);
  });
});
