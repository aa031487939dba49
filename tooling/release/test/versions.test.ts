/** Versions are independent: a release concerns what has changed, and what would not get the change otherwise. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rehearsal } from './support/rehearsal.ts';

let rehearsal: Rehearsal;

beforeEach(() => {
  rehearsal = new Rehearsal();
});
afterEach(() => rehearsal.remove());

/** The version after one more change of this kind. */
function next(name: string, bump: 'patch' | 'minor'): string {
  const version = rehearsal.manifests().find((manifest) => manifest.name === name)?.version ?? '';
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return bump === 'patch' ? `${major}.${minor}.${patch + 1}` : `${major}.${minor + 1}.0`;
}

/** The packages that have this one among their dependencies. */
function dependentsOf(name: string): readonly string[] {
  return rehearsal
    .manifests()
    .filter(({ dependencies }) => dependencies?.[name] !== undefined)
    .map((manifest) => manifest.name);
}

it('gives a new version to nothing when nothing has changed', () => {
  expect(rehearsal.release()).toEqual({});
});

it('gives a fix in protocol to protocol, and to the command line, which includes it', () => {
  const expected = {
    '@nbdjs/protocol': next('@nbdjs/protocol', 'patch'),
    '@nbdjs/cli': next('@nbdjs/cli', 'patch'),
  };
  rehearsal.change('Mends something', { '@nbdjs/protocol': 'patch', '@nbdjs/cli': 'patch' });
  expect(rehearsal.release()).toEqual(expected);
  expect(rehearsal.changelog('packages/protocol')).toContain('Mends something');
});

it('gives a new option of the command line to the command line only', () => {
  const expected = { '@nbdjs/cli': next('@nbdjs/cli', 'minor') };
  rehearsal.change('A new option', { '@nbdjs/cli': 'minor' });
  expect(rehearsal.release()).toEqual(expected);
  expect(rehearsal.changelog('apps/cli')).toContain('A new option');
});

it('takes along those that could not use a new version otherwise, and no others', () => {
  const dependents = dependentsOf('@nbdjs/handshake');
  const expected = Object.fromEntries(dependents.map((name) => [name, next(name, 'patch')]));
  expect(dependents).toContain('@nbdjs/connection');
  expect(dependents).not.toContain('@nbdjs/storage');
  const version = next('@nbdjs/handshake', 'minor');
  rehearsal.change('A new message', { '@nbdjs/handshake': 'minor', '@nbdjs/cli': 'patch' });
  const cli = next('@nbdjs/cli', 'patch');
  expect(rehearsal.release()).toEqual({ ...expected, '@nbdjs/handshake': version, '@nbdjs/cli': cli });
});

it('adds up the changes of a small history', () => {
  const expected = {
    '@nbdjs/storage': next('@nbdjs/storage', 'minor'),
    '@nbdjs/cli': next('@nbdjs/cli', 'minor'),
  };
  rehearsal.change('Mends a layer', { '@nbdjs/storage': 'patch', '@nbdjs/cli': 'patch' });
  rehearsal.change('A new layer', { '@nbdjs/storage': 'minor' });
  rehearsal.change('Serves the new layer', { '@nbdjs/cli': 'minor' });
  const released = rehearsal.release();
  expect(released).toMatchObject(expected);
  expect(rehearsal.changelog('packages/storage')).toMatch(/A new layer[\s\S]*Mends a layer/);
  // A second release has nothing left to do.
  expect(rehearsal.release()).toEqual({});
});
