/** All packages, installed by npm as packed, on every Node that is supported. */
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { doors, libraries } from './support/packages.ts';
import { Project } from './support/project.ts';
import { versions } from './support/runtimes.ts';
import { wentWell } from './support/session.ts';

const programs = fileURLToPath(new URL('./programs', import.meta.url));
describe.each(versions.node.map((node) => [node.version, node] as const))('Node %s', (_, node) => {
  const project = new Project('everything', node);
  const slim = new Project('no-native', node);

  beforeAll(async () => {
    for (const { folder } of [project, slim]) cpSync(programs, folder, { recursive: true });
    await project.npm(['install', '@nbdjs/cli', ...libraries]);
    await slim.npm(['install', '--omit=optional', ...libraries]);
  });

  it('`import`', async () => {
    const names = JSON.parse(await project.node(['doors.mjs', 'import', ...doors]));
    expect(Object.keys(names)).toEqual(doors);
  });

  it('`require()`', async () => {
    const [imported, required] = await Promise.all([
      project.node(['doors.mjs', 'import', ...doors]),
      project.node(['doors.mjs', 'require', ...doors]),
    ]);
    expect(required).toBe(imported);
  });

  it.each([
    ['a session, imported', 'by-import.mjs'],
    ['a session, required', 'by-require.cjs'],
  ])('%s', async (_, program) => {
    const printed = JSON.parse(await project.node([program]));
    expect(printed).toMatchObject({ ...wentWell, delivery: 'handed-over', isNative: true });
  });

  it('a session in TLS', async () => {
    expect(JSON.parse(await project.node(['by-import.mjs', 'tls']))).toMatchObject({ ...wentWell, delivery: 'kept' });
  });

  it('a session without native code', async () => {
    expect(JSON.parse(await slim.node(['by-import.mjs']))).toMatchObject({
      ...wentWell,
      delivery: 'kept',
      isNative: false,
    });
  });

  it('`nbd demo`', async () => {
    expect(await project.node(['node_modules/@nbdjs/cli/dist/main.cjs', 'demo'])).toContain('nbd');
  });
});
