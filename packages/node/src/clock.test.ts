import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from './clock.ts';

describe('the system clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits longer than a timer of Node can', () => {
    const task = vi.fn();
    systemClock.schedule(2 ** 32, task);
    vi.advanceTimersByTime(2 ** 32 - 1);
    expect(task).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(task).toHaveBeenCalledOnce();
  });

  it('can wait without an end, until it is cancelled', () => {
    const task = vi.fn();
    const cancel = systemClock.schedule(Number.POSITIVE_INFINITY, task);
    vi.advanceTimersByTime(2 ** 33);
    cancel();
    expect(task).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
