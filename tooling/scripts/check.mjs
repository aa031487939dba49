/** `pnpm check`: everything but the tests. Each check is one line; the last line counts them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { prepare, root } from './pnpm.mjs';

prepare();

const bin = `${root}node_modules/.bin/`;
const folders = ['packages', 'apps', 'tooling'].flatMap((group) =>
  readdirSync(`${root}${group}`).map((name) => `${group}/${name}`),
);
const published = folders.filter((folder) => {
  const file = `${root}${folder}/package.json`;
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).private !== true;
});

let passed = 0;
let failed = 0;

check('lint and format', 'biome', ['ci', '.', '--error-on-warnings']);
for (const folder of folders) {
  if (existsSync(`${root}${folder}/tsconfig.json`)) check(`types of ${folder}`, 'tsc', ['-p', folder, '--noEmit']);
  if (existsSync(`${root}${folder}/tsconfig.pure.json`)) {
    check(`purity of ${folder}`, 'tsc', ['-p', `${folder}/tsconfig.pure.json`, '--noEmit']);
  }
}
check('boundaries', 'depcruise', ['packages', 'apps', 'tooling', '--config', '.dependency-cruiser.cjs']);
check('unused code', 'knip', []);
for (const folder of published) {
  check(`shape of ${folder}`, 'publint', ['--strict', folder]);
  if (folder.startsWith('packages/'))
    check(`types as published by ${folder}`, 'attw', ['--pack', folder, '--profile', 'esm-only']);
}
check('changesets', 'changeset', ['status']);

process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function check(name, program, args) {
  const result = spawnSync(`${bin}${program}`, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
  });
  if (result.status === 0) {
    passed++;
    process.stdout.write(`ok      ${name}\n`);
  } else {
    failed++;
    process.stdout.write(
      `FAILED  ${name}\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`,
    );
  }
}
