/** Every example runs, prints what its README says, and leaves nothing behind. */
import { expect, it } from 'vitest';
import { examples, examplesWithQemu, expectToRun } from './support/run-example.ts';

it('there are fifteen of them at least', () => {
  expect(examples.length).toBeGreaterThanOrEqual(15);
});

it.each(examples.filter((name) => !examplesWithQemu.includes(name)))('%s', expectToRun);
