/** The rules as data, against the rules that are documented. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { examineServer, groups, ruleTexts } from '../src/index.ts';

interface Documented {
  readonly id: string;
  readonly section: string | { readonly handshake: string; readonly transmission: string };
}

const file = new URL('../../../docs/conformance.json', import.meta.url);
const documented = new Map(
  (JSON.parse(readFileSync(file, 'utf8')) as { rules: readonly Documented[] }).rules.map((rule) => [rule.id, rule]),
);

it('has an id of its own for each rule, after a rule of docs/conformance.md', () => {
  expect(new Set(ruleTexts.map(({ id }) => id)).size).toBe(ruleTexts.length);
  for (const { id } of ruleTexts) {
    expect(id).toMatch(/^[GSC]\d+\/[a-z0-9-]+$/);
    expect(documented.has(id.split('/')[0] as string), id).toBe(true);
  }
});

it('examines the groups one after the other, and has rules in each', () => {
  const inOrder = ruleTexts.map(({ group }) => group).filter((group, index, all) => group !== all[index - 1]);
  expect(inOrder).toEqual([...groups]);
});

it('names headings of the specification', () => {
  const headings = new Set(
    [...documented.values()].flatMap(({ section }) => (typeof section === 'string' ? section : Object.values(section))),
  );
  for (const { id, section } of ruleTexts)
    expect(headings.has(section.replaceAll('`', '')), `${id}: ${section}`).toBe(true);
});

it('refuses a rule that there is not', async () => {
  const server = { open: () => Promise.reject(new Error('not reached')) };
  await expect(examineServer(server, { only: ['greeting', 'S999'] })).rejects.toThrow(/no rule 'S999'/);
  await expect(examineServer({} as typeof server)).rejects.toThrow(/has no open\(\)/);
});
