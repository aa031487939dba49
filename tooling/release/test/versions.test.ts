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

it('leaves the others alone when interfaces, which all depend on, has something new', () => {
  const at = () => rehearsal.manifests().find(({ name }) => name === '@nbdjs/interfaces')?.version ?? '';
  if (at().startsWith('0.')) {
    rehearsal.change('Stable from here on', { '@nbdjs/interfaces': 'major' });
    rehearsal.release();
  }
  expect(at()).toMatch(/^[1-9]/);
  const expected = { '@nbdjs/interfaces': next('@nbdjs/interfaces', 'minor') };
  rehearsal.change('A new seam', { '@nbdjs/interfaces': 'minor' });
  expect(rehearsal.release()).toEqual(expected);
});

it('makes tarballs that name the new versions, and carry the changelog', () => {
  rehearsal.change('A new message', { '@nbdjs/handshake': 'minor', '@nbdjs/cli': 'patch' });
  const protocol = rehearsal.manifests().find(({ name }) => name === '@nbdjs/protocol')?.version;
  const { '@nbdjs/handshake': handshake, '@nbdjs/connection': connection } = rehearsal.release();
  const changed = rehearsal.pack('packages/handshake');
  expect(changed.file).toBe(`nbdjs-handshake-${handshake}.tgz`);
  expect(changed.manifest.dependencies).toMatchObject({ '@nbdjs/protocol': `^${protocol}` });
  expect(changed.files).toContain('package/CHANGELOG.md');
  const follower = rehearsal.pack('packages/connection');
  expect(follower.file).toBe(`nbdjs-connection-${connection}.tgz`);
  expect(follower.manifest.dependencies).toMatchObject({ '@nbdjs/handshake': `^${handshake}` });
  expect(JSON.stringify(follower.manifest)).not.toMatch(/workspace:|catalog:/);
});

it('writes changelogs for their readers', () => {
  rehearsal.change('A new message.\n\nSecond paragraph.', { '@nbdjs/handshake': 'minor', '@nbdjs/cli': 'patch' });
  const { '@nbdjs/handshake': handshake, '@nbdjs/connection': connection } = rehearsal.release();
  const commit = String.raw`\(\[[0-9a-f]{7}\]\(https://github\.com/nbdjs/nbdjs/commit/[0-9a-f]{40}\)\)`;
  expect(rehearsal.changelog('packages/handshake')).toMatch(
    new RegExp(
      `^# @nbdjs/handshake\n\n## ${handshake}\n\n### Minor Changes\n\n- A new message\\.\n\n  Second paragraph\\. ${commit}\n`,
    ),
  );
  expect(rehearsal.changelog('packages/connection')).toMatch(
    new RegExp(
      `^# @nbdjs/connection\n\n## ${connection}\n\n### Patch Changes\n\n- Uses @nbdjs/handshake ${handshake}\\.\n`,
    ),
  );
});
