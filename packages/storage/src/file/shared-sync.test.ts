import { expect, it } from 'vitest';
import { SharedSync } from './shared-sync.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('begins one more sync for all callers that come while two are under way', async () => {
  const ends: (() => void)[] = [];
  const sync = new SharedSync(() => new Promise<void>((resolve) => ends.push(resolve)));
  const settled: string[] = [];
  const ask = (name: string): void => void sync.run().then(() => settled.push(name));
  for (const name of ['first', 'second', 'third', 'fourth']) ask(name);
  await turn();
  expect(ends).toHaveLength(2);
  ends[0]?.();
  await turn();
  // What the first one covered may not be all that the others have written before they asked.
  expect(settled).toEqual(['first']);
  expect(ends).toHaveLength(3);
  ask('fifth');
  ends[2]?.();
  await turn();
  expect(settled).toEqual(['first', 'third', 'fourth']);
  expect(ends).toHaveLength(4);
  ends[1]?.();
  ends[3]?.();
  await turn();
  expect(settled).toEqual(['first', 'third', 'fourth', 'second', 'fifth']);
  expect(sync.isRunning).toBe(false);
});

it('lets those who come later try after a failure', async () => {
  let count = 0;
  const sync = new SharedSync(async () => {
    await turn();
    if (++count === 1) throw new Error('no');
  });
  const outcomes = await Promise.allSettled([sync.run(), sync.run(), sync.run()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
});
