/**
 * Runs the tests that know of peers as on a machine that has none, nor anything else by name: they are skipped, and whatever does not
 * need peers passes all the same.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { root } from './pnpm.mjs';

const folders = ['packages', 'apps', 'tooling'].flatMap((group) =>
  readdirSync(`${root}${group}`).flatMap((name) => [`${group}/${name}/src`, `${group}/${name}/test`]),
);
const files = folders
  .filter((folder) => existsSync(`${root}${folder}`))
  .flatMap((folder) => readdirSync(`${root}${folder}`, { recursive: true }).map((name) => `${folder}/${name}`))
  .filter((file) => file.endsWith('.test.ts') && readFileSync(`${root}${file}`, 'utf8').includes('@nbdjs/peers'));

const env = { ...process.env, NBDJS_PEERS: 'none', NBDJS_REQUIRE_PEERS: undefined, PATH: '/nonexistent' };
const { status } = spawnSync(process.execPath, [`${root}node_modules/vitest/vitest.mjs`, 'run', ...files], {
  cwd: root,
  env,
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exitCode = files.length > 0 && status === 0 ? 0 : 1;
