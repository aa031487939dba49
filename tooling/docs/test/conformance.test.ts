/** Holds the rule-book against the sources and the tests of all workspaces. */
import { describe, expect, it } from 'vitest';
import { idsIn } from '../src/citations.ts';
import { conformancePath } from '../src/conformance-page.ts';
import { generatedFiles } from '../src/generated-files.ts';
import { heldBy, workspacesHolding } from '../src/held-by.ts';
import { pages, read, sources } from '../src/repository.ts';
import { readRuleBook, ruleBookPath } from '../src/rule-book.ts';
import { rulesOfErrors } from '../src/rule-sections.ts';

const book = readRuleBook();
const held = heldBy();

describe('docs/conformance.json', () => {
  it.each([
    ['G', 9],
    ['C', 72],
    ['S', 78],
    ['R', 5],
    ['U', 6],
    ['Q', 10],
  ])('has every rule of family %s, up to %i at least', (letter, count) => {
    const ids = book.rules.map(({ id }) => id).filter((id) => id.startsWith(letter));
    expect(ids).toEqual(Array.from({ length: Math.max(count, ids.length) }, (_, index) => `${letter}${index + 1}`));
  });

  it('knows every id that sources, tests, messages and pages cite', () => {
    const known = new Set([...book.rules, ...book.cases].map(({ id }) => id));
    const files = [...sources(), ...pages()].filter(({ path }) => path !== conformancePath);
    const unknown = files.flatMap(({ path, text }) =>
      idsIn(text)
        .filter((id) => !known.has(id))
        .map((id) => `${path} cites ${id}`),
    );
    expect(unknown).toEqual([]);
  });

  it('names workspaces whose tests have the id in a title', () => {
    const missing = book.rules.flatMap(({ id, tests = [] }) =>
      tests.filter((name) => !workspacesHolding(held, id).includes(name)).map((name) => `${name} has no test of ${id}`),
    );
    expect(missing).toEqual([]);
  });

  it('has a test for each case', () => {
    expect(book.cases.map(({ id }) => id).filter((id) => !held.has(id))).toEqual([]);
  });

  it('calls nothing untested that a test has in its title', () => {
    const tested = book.rules.filter(({ id, untested }) => untested !== undefined && held.has(id));
    expect(tested.map(({ id }) => `${id}: ${held.get(id)}`)).toEqual([]);
  });

  it('finds the rules that errors cite', () => {
    const ids = rulesOfErrors(book).map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(30);
    expect(ids).toEqual(expect.arrayContaining(['C18', 'C40', 'C51', 'G2', 'G6', 'S72']));
  });
});

describe('what is written from it', () => {
  it.each(generatedFiles())(`$path is what ${ruleBookPath} and the tests say: if not, run pnpm generate`, (file) => {
    expect(read(file.path)).toBe(file.text);
  });
});
