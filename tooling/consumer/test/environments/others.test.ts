/** All packages in Deno and Bun, installed by npm as for Node. */
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { doors, libraries } from './support/packages.ts';
import { Project } from './support/project.ts';
import { run } from './support/run.ts';
import { bunPath, denoPath, newest, versions } from './support/runtimes.ts';
import { wentWell } from './support/session.ts';

const runtimes = [
  [`Deno ${versions.deno}`, denoPath, ['run', '--allow-all', '--node-modules-dir=manual']],
  [`Bun ${versions.bun}`, bunPath, []],
] as const;

const project = new Project('others', newest);

beforeAll(async () => {
  cpSync(fileURLToPath(new URL('./programs', import.meta.url)), project.folder, { recursive: true });
  await project.npm(['install', ...libraries]);
});

// Skipped where there is none for this machine, which the page reports.
describe.each(runtimes)('%s', (_, program, options) => {
  const start = async (...args: readonly string[]) => {
    const all = [program ?? 'there is no such runtime', ...options, ...args];
    const { stdout } = await run(all, { cwd: project.folder });
    return JSON.parse(stdout);
  };

  const tried = it.skipIf(program === undefined);

  tried('`import`', async () => {
    expect(Object.keys(await start('doors.mjs', 'import', ...doors))).toEqual(doors);
  });

  tried('`require()`', async () => {
    expect(await start('doors.mjs', 'require', ...doors)).toEqual(await start('doors.mjs', 'import', ...doors));
  });

  tried.each([
    ['a session, imported', ['by-import.mjs']],
    ['a session, required', ['by-require.cjs']],
    ['a session in TLS', ['by-import.mjs', 'tls']],
  ])('%s', async (_title, args) => {
    expect(await start(...args)).toMatchObject({ ...wentWell, delivery: 'inline' });
  });
});
