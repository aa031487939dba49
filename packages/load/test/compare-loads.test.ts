/** Loads in turns. */
import { expect, it } from 'vitest';
import { compareLoads, type LoadReport } from '../src/index.ts';

function report(requestsPerSecond: number, end: LoadReport['end'] = 'time'): LoadReport {
  return {
    end,
    error: undefined,
    seconds: 1,
    total: {
      requests: requestsPerSecond,
      bytes: 0,
      requestsPerSecond,
      bytesPerSecond: 4096 * requestsPerSecond,
      latency: undefined,
    },
    kinds: {},
    errors: [],
    unfinished: 0,
    notBegun: 0,
    delays: undefined,
    verifiedBytes: 0,
    mismatch: undefined,
  };
}

/** Loads whose results are known. */
function candidate(name: string, ...results: readonly LoadReport[]) {
  let turn = 0;
  return { name, run: async () => results[turn++] ?? report(0) };
}

it('takes turns, and compares within the rounds', async () => {
  const turns: string[] = [];
  const results = await compareLoads(
    // The machine becomes slower from round to round; the ratio stays.
    [candidate('a', report(1000), report(500), report(100)), candidate('b', report(2000), report(1100), report(190))],
    { rounds: 3, onTurn: ({ name }, round) => turns.push(`${name}${round}`) },
  );
  expect(turns).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  expect(results[0]).toMatchObject({ name: 'a', requestsPerSecond: 500, ratio: undefined });
  expect(results[1]).toMatchObject({ name: 'b', requestsPerSecond: 1100 });
  expect(results[1]?.ratio).toEqual({ median: 2, least: 1.9, most: 2.2 });
});

it('ends where a turn cannot go on, with what there is', async () => {
  const results = await compareLoads([candidate('a', report(10), report(5, 'error')), candidate('b', report(20))], {
    rounds: 5,
  });
  expect(results.map(({ reports }) => reports.length)).toEqual([2, 1]);
  expect(results[1]?.ratio).toEqual({ median: 2, least: 2, most: 2 });
});
