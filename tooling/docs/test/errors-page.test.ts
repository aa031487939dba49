/** The table of errors. */
import { expect, it } from 'vitest';
import { advice } from '../src/error-advice.ts';
import { errorsPage } from '../src/errors-page.ts';

const page = errorsPage();
const rows = [...page.matchAll(/^\| <a id="[^"]+"><\/a>`(\w+)` \| (.*) \| (.*) \| (.*) \|$/gm)];

it('has a row for each code, and no other', () => {
  expect(rows.map(([, code]) => code).sort()).toEqual(Object.keys(advice).sort());
});

it.each(rows.map(([, code, meaning, whatToDo]) => ({ code, meaning, whatToDo })))(
  'says what $code means, and what to do',
  ({ meaning, whatToDo }) => {
    for (const sentence of [meaning, whatToDo]) expect(sentence).toMatch(/^[A-Z`].*\.$/);
  },
);

it('names the packages that make an error', () => {
  const makersOf = new Map(rows.map(([, code, , , makers]) => [code, makers]));
  expect(makersOf.get('ERR_NBD_WORKER')).toBe('connection');
  expect(makersOf.get('ERR_NBD_WRITES_LOST')).toContain('kit');
});

it('names the classes that users catch', () => {
  const classes = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  expect(classes).toContain('UsageError');
  expect(classes).toContain('ProtocolError');
  expect(classes).not.toContain('NbdError');
});
