import { describe, expect, it } from 'vitest';
import { rowsOf, runInTurns } from '../src/measuring/compare.ts';
import { measureCell } from '../src/measuring/measure-cell.ts';
import { comparisonOf, readCell, runOf } from './support/comparisons.ts';

describe('candidates in turns', () => {
  it('change places in each round', async () => {
    const order: string[] = [];
    const candidate = (name: string) => ({
      measure: async () => {
        order.push(name);
        return runOf(1);
      },
    });
    const runs = await runInTurns({ a: candidate('a'), b: candidate('b'), c: candidate('c') }, 3);
    expect(order.join('')).toBe('abccbaabc');
    expect(runs.a).toHaveLength(3);
  });
});

describe('the verdict', () => {
  const verdictOf = (ours: readonly number[], theirs: readonly number[]) => comparisonOf(ours, theirs).rows[0]?.verdict;

  it('depends on the median of the ratios', () => {
    expect(verdictOf([210, 205, 100], [100, 100, 50])).toBe('disturbed');
    expect(verdictOf([210, 205, 208], [100, 100, 100])).toBe('met');
    expect(verdictOf([190, 195, 192], [100, 100, 100])).toBe('missed');
  });

  it('is not given when a candidate differs from itself', () => {
    expect(verdictOf([300, 300, 300, 300], [100, 110, 100, 110])).toBe('disturbed');
    expect(verdictOf([300, 330, 300, 330], [100, 100, 100, 100])).toBe('disturbed');
  });

  it('is not given after one round', () => {
    expect(verdictOf([300], [100])).toBe('too few rounds');
  });

  it('asks for at most the aim where less is better', () => {
    const cell = { ...readCell, aims: [{ figure: 'seconds', peer: 'libnbd', bound: 0.9 } as const] };
    expect(comparisonOf([200, 200], [100, 100], { cell }).rows[0]).toMatchObject({
      ratio: { median: 0.5 },
      verdict: 'met',
    });
    expect(comparisonOf([100, 100], [100, 100], { cell }).rows[0]?.verdict).toBe('missed');
  });

  it('is on our figure alone where there is no peer', () => {
    const cell = { ...readCell, aims: [{ figure: 'seconds', bound: 1e4 } as const] };
    const [row] = comparisonOf([200, 200], [], { cell }).rows;
    expect(row).toEqual({
      figure: 'seconds',
      ours: { low: 5000, median: 5000, high: 5000 },
      bound: 1e4,
      verdict: 'met',
    });
  });

  it('is missing without an aim, and there is no row without a peer', () => {
    const cell = { ...readCell, aims: [{ figure: 'requestsPerSecond', peer: 'libnbd' } as const] };
    expect(comparisonOf([1, 1], [1, 1], { cell }).rows[0]?.verdict).toBe('no aim');
    expect(rowsOf(readCell, { nbdjs: [runOf(1)] })).toEqual([]);
  });
});

describe('a cell', () => {
  it('goes on without a candidate that is not there, and says why', async () => {
    const comparison = await measureCell(
      'client',
      readCell,
      (name) => (name === 'libnbd' ? 'not installed' : { measure: async () => runOf(100) }),
      { rounds: 2, isCountingCalls: false },
    );
    expect(comparison.skipped).toEqual({ libnbd: 'not installed' });
    expect(comparison.runs.nbdjs).toHaveLength(2);
    expect(comparison.rows).toEqual([]);
  });
});
