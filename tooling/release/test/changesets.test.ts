/** The check that a change of a package comes with a changeset. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rehearsal } from './support/rehearsal.ts';

let rehearsal: Rehearsal;

beforeEach(() => {
  rehearsal = new Rehearsal();
  rehearsal.propose();
});
afterEach(() => rehearsal.remove());

it('asks for one when what users get has changed', () => {
  rehearsal.edit('packages/protocol/src/index.ts', 'export {};');
  expect(rehearsal.check()).toBe('there is no changeset, but packages/protocol changed (pnpm changeset)');
});

it('asks for none for tests', () => {
  rehearsal.edit('packages/protocol/src/index.test.ts', '');
  rehearsal.edit('packages/protocol/test/other.test.ts', '');
  expect(rehearsal.check()).toBe('');
});

it('asks for the command line, which includes the package', () => {
  rehearsal.edit('packages/protocol/src/index.ts', 'export {};');
  rehearsal.change('Mends something', { '@nbdjs/protocol': 'patch' });
  expect(rehearsal.check()).toContain('none names @nbdjs/cli');
  rehearsal.change('And here', { '@nbdjs/cli': 'patch' });
  expect(rehearsal.check()).toBe('');
});

it('refuses one of a package that there is not', () => {
  rehearsal.change('Mends something', { '@nbdjs/protocoll': 'patch', '@nbdjs/cli': 'patch' });
  expect(rehearsal.check()).toContain('@nbdjs/protocoll');
});

it('lets a release pass, which consumes them', () => {
  rehearsal.edit('packages/protocol/src/index.ts', 'export {};');
  rehearsal.change('Mends something', { '@nbdjs/protocol': 'patch', '@nbdjs/cli': 'patch' });
  rehearsal.release();
  expect(rehearsal.check()).toBe('');
});
