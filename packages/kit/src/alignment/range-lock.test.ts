import { describe, expect, it } from 'vitest';
import { RangeLock } from './range-lock.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Claims by name; `granted` has those that were granted. */
function lockWithNames() {
  const lock = new RangeLock();
  const granted: string[] = [];
  const releases = new Map<string, () => void>();
  const claim = (name: string, start: bigint, end: bigint, isExclusive: boolean, signal?: AbortSignal) =>
    lock.acquire(start, end, isExclusive, signal).then((release) => {
      granted.push(name);
      releases.set(name, release);
    });
  return { lock, granted, claim, release: (name: string) => releases.get(name)?.() };
}

describe('range lock', () => {
  it('grants claims that do not conflict with each other', async () => {
    const { granted, claim } = lockWithNames();
    await Promise.all([
      claim('a', 0n, 10n, true),
      claim('b', 10n, 20n, true),
      claim('c', 20n, 30n, false),
      claim('d', 25n, 40n, false),
    ]);
    expect(granted).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps exclusive claims apart from all others, in the order in which they came', async () => {
    const { lock, granted, claim, release } = lockWithNames();
    void claim('shared', 0n, 10n, false);
    void claim('exclusive', 5n, 6n, true);
    void claim('late shared', 0n, 10n, false);
    void claim('elsewhere', 20n, 30n, true);
    await turn();
    expect(granted).toEqual(['shared', 'elsewhere']);
    release('shared');
    await turn();
    expect(granted).toEqual(['shared', 'elsewhere', 'exclusive']);
    release('exclusive');
    await turn();
    expect(granted.at(-1)).toBe('late shared');
    release('late shared');
    expect(lock.isFree).toBe(false);
    release('elsewhere');
    expect(lock.isFree).toBe(true);
  });

  it('a claim that is abandoned no longer holds back those after it', async () => {
    const { granted, claim, release, lock } = lockWithNames();
    const abort = new AbortController();
    const reason = new Error('enough');
    void claim('first', 0n, 10n, false);
    const abandoned = claim('abandoned', 0n, 10n, true, abort.signal).catch((error: unknown) => error);
    void claim('behind', 0n, 10n, false);
    await turn();
    expect(granted).toEqual(['first']);
    abort.abort(reason);
    expect(await abandoned).toBe(reason);
    await turn();
    expect(granted).toEqual(['first', 'behind']);
    release('first');
    release('behind');
    expect(lock.isFree).toBe(true);
  });

  it('refuses a signal that is aborted already', async () => {
    const { claim, lock } = lockWithNames();
    const reason = new Error('enough');
    await expect(claim('x', 0n, 1n, true, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(lock.isFree).toBe(true);
  });
});
