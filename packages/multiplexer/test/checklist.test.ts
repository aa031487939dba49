/** Holds CHECKLIST.md against the tests. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const at = (path: string) => new URL(path, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');

const rows = new Map(
  [...read('../CHECKLIST.md').matchAll(/^\| (C\d+) \|.*\| ([^|]+) \|$/gm)].map(([, item, where]) => [
    item,
    where ?? '',
  ]),
);

const transitions = [...read('../CHECKLIST.md').matchAll(/^\| (Q\d+) \|.*\| ([^|]+) \|$/gm)].map(([, row, where]) => ({
  row: row as string,
  where: where as string,
}));

describe('CHECKLIST.md', () => {
  it("has every transition of QEMU's states once", () => {
    expect(transitions.map(({ row }) => row)).toEqual(Array.from({ length: 10 }, (_, index) => `Q${index + 1}`));
  });

  it.each(transitions)('$row is walked through', ({ row, where }) => {
    expect(read('states.test.ts')).toMatch(new RegExp(`it.*'${row}: `));
    for (const [file] of where.matchAll(/[\w-]+\.test\.ts/g)) expect(existsSync(at(file)), file).toBe(true);
  });

  it('has every item of the transmission phase once', () => {
    const items = Array.from({ length: 72 - 38 }, (_, index) => `C${39 + index}`);
    expect([...rows.keys()]).toEqual(items);
  });

  it.each([...rows])('%s is tested where it says, or says why not', (item, where) => {
    const files = [...where.matchAll(/[\w-]+\.test\.ts/g)].map(([file]) => file);
    if (files.length === 0) expect(where).toMatch(/^not here: .{20,}/);
    // The number stands in a title or in the data that a title is made of.
    for (const file of files) {
      const path = existsSync(at(file)) ? file : `../src/${file}`;
      expect(read(path), file).toMatch(new RegExp(`['"].*\\b${item}\\b`));
    }
  });
});
