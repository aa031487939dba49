/** Holds CHECKLIST.md against the tests. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

const rows = new Map(
  [...read('../CHECKLIST.md').matchAll(/^\| ([CS]\d+) \|.*\| ([^|]+) \|$/gm)].map(([, item, where]) => [
    item,
    where ?? '',
  ]),
);

describe('CHECKLIST.md', () => {
  it('has every item of the client handshake once', () => {
    const items = [...range(1, 38), ...range(63, 67)].map((number) => `C${number}`);
    expect([...rows.keys()].filter((item) => item?.startsWith('C'))).toEqual(items);
  });

  it('has every item of the server handshake once', () => {
    const items = [...range(1, 36), 68, 69, 73, 75, 77, 78].map((number) => `S${number}`);
    expect([...rows.keys()].filter((item) => item?.startsWith('S'))).toEqual(items);
  });

  it.each([...rows])('%s is tested where it says, or says why not', (item, where) => {
    const files = [...where.matchAll(/[\w-]+\.test\.ts/g)].map(([file]) => file);
    if (files.length === 0) expect(where).toMatch(/^not here: .{20,}/);
    // The number stands in a title or in the data that a title is made of.
    for (const file of files) expect(read(`./${file}`), file).toMatch(new RegExp(`['"].*\\b${item}\\b`));
  });
});

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
