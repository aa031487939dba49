/** Packs everything, and has a registry of it; fetches the runtimes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { root } from '../../support/readmes.ts';
import { startRegistry } from './registry.ts';
import { run } from './run.ts';
import { installRuntimes } from './runtimes.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly environments: {
      /** Where the tests make their projects. */
      readonly folder: string;
      /** Where npm finds our packages. */
      readonly registry: string;
    };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-environments-'));
  await installRuntimes();
  const turbo = `${root}node_modules/turbo/bin/turbo`;
  await run(['node', turbo, 'run', 'build', 'types', '--output-logs=errors-only'], { cwd: root });
  await run(['node', `${root}tooling/scripts/pack.mjs`, join(folder, 'packed')], { cwd: root });
  const registry = await startRegistry(join(folder, 'packed'));
  project.provide('environments', { folder, registry: registry.url });
  return async () => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  };
}
