/** Holds CHECKLIST.md against the tests. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

const rows = new Map(
  [...read('../CHECKLIST.md').matchAll(/^\| ([SR]\d+) \|.*\| ([^|]+) \|$/gm)].map(([, item, where]) => [
    item,
    where ?? '',
  ]),
);

describe('CHECKLIST.md', () => {
  it('has every item of the transmission phase once', () => {
    const items = [...range(37, 67), ...range(70, 74), 76].map((number) => `S${number}`);
    expect([...rows.keys()]).toEqual([...items, ...range(1, 5).map((number) => `R${number}`)]);
  });

  it.each([...rows])('%s is tested where it says, or says why not', (item, where) => {
    const files = [...where.matchAll(/[\w-]+\.test\.ts/g)].map(([file]) => file);
    if (/^not here: .{20,}/.test(where)) return;
    expect(files.length).toBeGreaterThan(0);
    // The number stands in a title or in the data that a title is made of.
    for (const file of files) expect(read(`./${file}`), file).toMatch(new RegExp(`['"].*\\b${item}\\b`));
  });
});

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
