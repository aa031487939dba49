import { seededRandom } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { IntervalMap } from './interval-map.ts';

it('an interval map behaves like an array', { tags: ['slow'] }, () => {
  const size = 60;
  const random = seededRandom(3);
  for (let run = 0; run < 300; run++) {
    const map = new IntervalMap<string>();
    const model = Array.from<string | undefined>({ length: size });
    for (let step = 0; step < 25; step++) {
      const from = Math.floor(random() * size);
      const to = Math.min(size, from + Math.floor(random() * 12));
      const value = 'abc'[Math.floor(random() * 3)] ?? 'a';
      map.set(BigInt(from), BigInt(to), value);
      model.fill(value, from, to);
      expect(contentOf(map, size)).toBe(model.map((one) => one ?? '.').join(''));
    }
    const runs = model.filter((value, index) => value !== undefined && value !== model[index - 1]).length;
    expect(map.count).toBe(runs);
  }
});

/** A letter for each position; intervals that are not consecutive leave `?` or are too long. */
function contentOf(map: IntervalMap<string>, size: number): string {
  let content = '';
  for (const { from, to, value } of map.within(0n, BigInt(size))) {
    content = content.padEnd(Number(from), '?') + (value ?? '.').repeat(Number(to - from));
  }
  return content;
}
