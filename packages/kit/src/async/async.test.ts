import { describe, expect, it, vi } from 'vitest';
import { ReadAhead } from './read-ahead.ts';
import { settleAll } from './settle-all.ts';
import { untilAborted } from './until-aborted.ts';
import { wait } from './wait.ts';

/** A promise that the test settles. */
function deferred<Result>() {
  let resolve: (result: Result) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<Result>((onResult, onError) => {
    resolve = onResult;
    reject = onError;
  });
  return { promise, resolve, reject };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('settling all', () => {
  it('returns `undefined` when all work has ended at once', () =>
    expect(settleAll([undefined, undefined])).toBeUndefined());

  it('waits for other work after a failure, and throws the error that came first', async () => {
    const [early, late] = [deferred<void>(), deferred<void>()];
    const settled = vi.fn();
    const all = Promise.resolve(settleAll([late.promise, undefined, early.promise])).catch(settled);
    early.reject(new Error('early'));
    await turn();
    expect(settled).not.toHaveBeenCalled();
    late.reject(new Error('late'));
    await all;
    expect(settled).toHaveBeenCalledWith(new Error('early'));
  });
});

describe('until aborted', () => {
  it('returns the result of the work', async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(5), signal)).toBe(5);
    expect(await untilAborted(Promise.resolve(6), undefined)).toBe(6);
    await expect(untilAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  });

  it('throws the reason, before the work has ended or begun', async () => {
    const abort = new AbortController();
    const abandoned = untilAborted(new Promise(() => {}), abort.signal);
    abort.abort(new Error('stop'));
    await expect(abandoned).rejects.toThrow('stop');
    await expect(untilAborted(new Promise(() => {}), abort.signal)).rejects.toThrow('stop');
  });
});

describe('a wait', () => {
  const clock = () => {
    const cancel = vi.fn();
    const due: (() => void)[] = [];
    const schedule = vi.fn((_ms: number, task: () => void) => {
      due.push(task);
      return cancel;
    });
    return { clock: { now: () => 0, schedule }, cancel, expire: () => due.shift()?.() };
  };

  it('settles when the time is over', async () => {
    const { clock: time, expire } = clock();
    const waiting = wait(time, 50, { signal: new AbortController().signal });
    expect(time.schedule).toHaveBeenCalledWith(50, expect.any(Function), true);
    expire();
    await waiting;
  });

  it('ends with the signal', async () => {
    const { clock: time, cancel } = clock();
    const abort = new AbortController();
    const waiting = wait(time, 50, abort);
    abort.abort(new Error('stop'));
    await expect(waiting).rejects.toThrow('stop');
    expect(cancel).toHaveBeenCalledOnce();
    await expect(wait(time, 50, abort)).rejects.toThrow('stop');
  });
});

describe('reading ahead', () => {
  it('keeps work in flight up to its depth, and returns results in order', async () => {
    const works = Array.from({ length: 5 }, () => deferred<number>());
    let begun = 0;
    const ahead = new ReadAhead(3, () =>
      begun < works.length ? { result: works[begun++]?.promise as Promise<number> } : undefined,
    );
    const first = ahead.next();
    await turn();
    expect(begun).toBe(3);
    works[1]?.resolve(1);
    works[0]?.resolve(0);
    expect([await first, await ahead.next()]).toEqual([0, 1]);
    expect(begun).toBe(4);
    for (const [index, { resolve }] of works.entries()) resolve(index);
    expect([await ahead.next(), await ahead.next(), await ahead.next(), await ahead.next()]).toEqual([
      2,
      3,
      4,
      undefined,
    ]);
  });

  it('counts the shares of pieces, and asks for the depth again each time', async () => {
    const depth = { limit: 4 };
    let begun = 0;
    const ahead = new ReadAhead(depth, () => ({ result: begun++, share: 3 }));
    expect(await ahead.next()).toBe(0);
    expect(begun).toBe(2);
    depth.limit = 10;
    expect(await ahead.next()).toBe(1);
    expect(begun).toBe(5);
    depth.limit = 1;
    for (const expected of [2, 3, 4]) expect(await ahead.next()).toBe(expected);
    expect(begun).toBe(5);
    expect(await ahead.next()).toBe(5);
  });

  it('fails in its turn; the end of the work after it can be awaited', async () => {
    const [first, second] = [deferred<number>(), deferred<number>()];
    const results = [first.promise, second.promise];
    const ahead = new ReadAhead<number>(2, async () => {
      const result = results.shift();
      return result && { result };
    });
    const next = ahead.next();
    await turn();
    second.reject(new Error('second'));
    first.reject(new Error('first'));
    await expect(next).rejects.toThrow('first');
    await ahead.settled();
  });
});
