/** `pnpm check`: everything but the tests. Each check is one line; the last line counts them. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { environment, prepare, root } from './pnpm.mjs';

prepare();

const timeoutMs = 300_000;
const folders = ['packages', 'apps', 'tooling'].flatMap((group) =>
  readdirSync(`${root}${group}`).map((name) => `${group}/${name}`),
);
const published = folders.filter((folder) => {
  const file = `${root}${folder}/package.json`;
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).private !== true;
});

const sources = folders
  .flatMap((folder) => ['src', 'test', 'bench'].map((part) => `${folder}/${part}`))
  .filter((folder) => existsSync(`${root}${folder}`));

let passed = 0;
let failed = 0;

// The checks of the published shape look at what would be published, declarations and all.
const packed = `${root}.reports/packed`;
await checkAll([['declarations', process.execPath, 'tooling/scripts/declarations.mjs']]);
await checkAll([['packing', process.execPath, 'tooling/scripts/pack.mjs', packed]]);
await checkAll([
  ['lint and format', 'biome', 'ci', '.', '--error-on-warnings'],
  // By name: a pattern would be searched for in all that the folders link to.
  ['boundaries', 'depcruise', ...sources, '--config', '.dependency-cruiser.cjs'],
  ['unused code', 'knip', '--no-config-hints'],
  ...folders.filter(has('tsconfig.json')).map((folder) => [`types of ${folder}`, 'tsc', '-p', folder, '--noEmit']),
  ...folders
    .filter(has('tsconfig.pure.json'))
    .map((folder) => [`purity of ${folder}`, 'tsc', '-p', `${folder}/tsconfig.pure.json`, '--noEmit']),
  ...published.map((folder) => [`shape of ${folder}`, 'publint', '--strict', tarball(folder)]),
  // A program without exports for others has no types to publish.
  ...published
    .filter((folder) => folder.startsWith('packages/'))
    .map((folder) => [`types as published by ${folder}`, 'attw', tarball(folder), '--profile', 'esm-only']),
  ['tests without peers', process.execPath, 'tooling/scripts/without-peers.mjs'],
  ['architecture', process.execPath, 'tooling/scripts/architecture.mjs', '--check'],
  ['links', process.execPath, 'tooling/scripts/links.mjs'],
  ['table of limits', process.execPath, 'tooling/scripts/limits.mjs', '--check'],
  ['changesets', 'changeset', 'status'],
]);

process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function tarball(folder) {
  const { name, version } = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'));
  return `${packed}/${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
}

function has(file) {
  return (folder) => existsSync(`${root}${folder}/${file}`);
}

/** Runs as many checks at a time as there are processors; the lines come in the order in which the checks end. */
async function checkAll(checks) {
  const waiting = [...checks];
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await check(...next);
    }),
  );
}

async function check(name, program, ...args) {
  const path = program.includes('/') ? program : `${root}node_modules/.bin/${program}`;
  const { code, output } = await run(path, args);
  if (code === 0) {
    passed++;
    process.stdout.write(`ok      ${name}\n`);
  } else {
    failed++;
    process.stdout.write(`FAILED  ${name}\n${output}\n`);
  }
}

function run(path, args) {
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => resolve({ code: 1, output: `${output}${error.message}` }));
    child.on('close', (code, signal) => {
      resolve({ code: code ?? 1, output: signal === null ? output : `${output}ended by ${signal}\n` });
    });
  });
}
