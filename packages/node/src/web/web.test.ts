/** What stands in for Node in pages and workers, which Node can run as well. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as node from '../index.ts';
import * as web from './index.ts';

describe('the clock of a page', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits longer than a timer can, until it is cancelled', () => {
    const task = vi.fn();
    web.systemClock.schedule(2 ** 32, task);
    const cancel = web.systemClock.schedule(Number.POSITIVE_INFINITY, task);
    vi.advanceTimersByTime(2 ** 32 - 1);
    expect(task).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(task).toHaveBeenCalledOnce();
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes on', () => {
    const before = web.systemClock.now();
    vi.advanceTimersByTime(25);
    expect(web.systemClock.now() - before).toBe(25);
  });
});

describe('the turns of a page', () => {
  it('runs a task after the continuations that are ready, and those that these add', async () => {
    const order: string[] = [];
    web.afterMicrotasks(() => order.push('after microtasks'));
    queueMicrotask(() => {
      order.push('first');
      queueMicrotask(() => order.push('second'));
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['first', 'after microtasks', 'second']);
  });

  it('runs tasks of the next turn in their order, each after the microtasks', async () => {
    const order: string[] = [];
    const ended = new Promise<void>((resolve) => {
      web.nextTurn(() => order.push('one'));
      web.nextTurn(() => order.push('two'));
      web.nextTurn(resolve);
    });
    await Promise.resolve();
    order.push('this turn');
    await ended;
    expect(order).toEqual(['this turn', 'one', 'two']);
  });
});

it('has the names that packages which run anywhere use', () => {
  const { inheritedWorkerOptions, ...anywhere } = node;
  expect(Object.keys(web).sort()).toEqual(Object.keys(anywhere).sort());
  expect(inheritedWorkerOptions).toBeTypeOf('function');
});

it('publishes nothing where there are no diagnostics channels', () => {
  const trace = web.diagnosticsTrace({ packageName: 'fruit', names: ['picked'] });
  expect(trace.enabled).toBe(false);
  trace.emit('picked', {});
});
