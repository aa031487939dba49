import { expect, it } from 'vitest';
import { Semaphore } from './semaphore.ts';

it('runs so much at a time, in order, and goes on after failures', async () => {
  const places = new Semaphore(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((index) =>
    places.run(async () => {
      begun.push(index);
      await new Promise<void>((resolve) => {
        ends[index] = resolve;
      });
      if (index === 0) throw new Error('mine');
      return index;
    }),
  );
  const settled = Promise.allSettled(all);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect([begun, places.load]).toEqual([[0, 1], 4]);
  ends[0]?.();
  await turn();
  expect([begun, places.load]).toEqual([[0, 1, 2], 3]);
  ends[2]?.();
  await turn();
  expect(begun).toEqual([0, 1, 2, 3]);
  ends[1]?.();
  ends[3]?.();
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(places.load).toBe(0);
});
