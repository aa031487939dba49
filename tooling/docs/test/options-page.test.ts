/** The page of options, made of small sets; and the real one is complete. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { optionDoors } from '../src/option-doors.ts';
import { type OptionDoor, type OptionRow, optionsPage } from '../src/options-page.ts';
import { root } from '../src/repository.ts';

const entry: Omit<OptionRow, 'name'> = {
  zero: undefined,
  unit: undefined,
  isRequired: false,
  default: undefined,
  expected: 'a number',
  doc: 'Text.',
  members: undefined,
};
const waitMs = { ...entry, name: 'waitMs', unit: 'ms', zero: 'no wait', default: 2500 };
const limits = { ...entry, name: 'limits', members: [{ ...entry, name: 'bytesMax', unit: 'bytes', default: 2 ** 20 }] };
const target = { ...entry, name: 'target', isRequired: true, expected: "'a' | 'b'" };

function door(name: string, ...entries: OptionRow[]): OptionDoor {
  const definitions = Object.fromEntries(entries.map((one) => [one.name, one]));
  return { package: 'some', name, set: { definitions, entries } };
}

describe('the page of options', () => {
  it('has a row for each option, and for those within one', () => {
    const page = optionsPage([door('open', waitMs, limits, target)]);
    expect(page).toContain('| `waitMs` | a number | 2500 (2.5 s) | ms | no wait | Text. |\n');
    expect(page).toContain('| `limits.bytesMax` | a number | 1048576 (1 MiB) | bytes |  | Text. |\n');
    expect(page).toContain("| `target` | 'a' \\| 'b' | required |  |  | Text. |\n");
  });

  it('describes a definition once', () => {
    const page = optionsPage([door('open', waitMs), door('openAgain', waitMs, target)]);
    expect(page.match(/^\| `waitMs`/gm)).toHaveLength(1);
    expect(page).toContain('Besides, as of [`open`](#open): `waitMs`.\n');
  });

  it('wants words for a default that says nothing in itself', () => {
    const wordless = { ...entry, name: 'clock', default: {} };
    expect(() => optionsPage([door('open', wordless)])).toThrow("'clock'");
  });

  it('is of packages that there are', () => {
    expect(readdirSync(`${root}packages`)).toEqual(expect.arrayContaining(optionDoors.map((one) => one.package)));
  });
});
