/**
 * Packs everything and installs it, once for all tests: an empty folder with a project for each README, which has what the README
 * says to install and nothing else. pnpm keeps the projects' dependencies apart, so that nothing is found by chance.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { install, pages, readmes, root } from './readmes.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the projects are, or why there are none, and whether only for want of a registry. */
    readonly consumer: { readonly folder: string; readonly problem?: string; readonly isOffline?: boolean };
  }
}

/** What pnpm says where no registry can be reached. */
const offline =
  /ERR_PNPM_(META_)?FETCH|ERR_PNPM_NO_OFFLINE|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/;

/** A registry that does not answer must not hold everything up. */
const timeoutMs = 300_000;

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-consumer-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    // Turbo has built before, where it runs these tests.
    if (process.env.TURBO_HASH === undefined) {
      run(process.execPath, [`${root}node_modules/turbo/bin/turbo`, 'run', 'build', 'types'], root);
    }
    run(process.execPath, [`${root}tooling/scripts/pack.mjs`, join(folder, 'packed')], root);
    writeProjects(folder);
    // An install script that the user has not allowed would end it with code 1.
    run(
      'pnpm',
      ['install', '--prefer-offline', '--no-frozen-lockfile', '--reporter=append-only', '--config.fetch-retries=1'],
      folder,
    );
    project.provide('consumer', { folder });
  } catch (error) {
    // Thrown here, it would end the tests of all other projects.
    const problem = String(error);
    project.provide('consumer', { folder, problem, isOffline: offline.test(problem) });
  }
  return remove;
}

function writeProjects(folder: string): void {
  const tarballs = new Map(
    readdirSync(join(folder, 'packed')).map((file) => {
      const name = file.replace(/^nbdjs-(.*)-[^-]+\.tgz$/, '@nbdjs/$1');
      return [name, `file:${join(folder, 'packed', file)}`];
    }),
  );
  const overrides = [...tarballs].map(([name, tarball]) => `  '${name}': '${tarball}'\n`).join('');
  writeFileSync(join(folder, 'pnpm-workspace.yaml'), `packages:\n  - projects/**\noverrides:\n${overrides}`);
  for (const readme of [...readmes, ...pages]) {
    const project = join(folder, 'projects', readme);
    mkdirSync(project, { recursive: true });
    const dependencies = Object.fromEntries(install(readme).map((name) => [name, tarballs.get(name)]));
    writeFileSync(
      join(project, 'package.json'),
      JSON.stringify({ name: readme.replaceAll('/', '-'), private: true, type: 'module', dependencies }),
    );
  }
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  // The house's own pnpm, on machines that have none.
  const env = {
    ...rest,
    PATH: `${root}.tools/node_modules/.bin${delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
  };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: timeoutMs,
  });
  // Turbo ends in good order, with 0, when its time is over.
  if (status === 0 && error === undefined) return;
  throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${error?.message ?? ''}\n${stdout}${stderr}`);
}
