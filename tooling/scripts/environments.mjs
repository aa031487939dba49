/**
 * `pnpm environments`: tries the packed packages on every runtime, with every compiler and bundler that runtimes.json of the workspace
 * `consumer` names, writes down what was passed (environments.json there), and has docs/environments.md say the same. `--check` writes
 * nothing, and fails when the page claims something else than what was found. The last line counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { environment, prepare, root } from './pnpm.mjs';

prepare();

const isCheck = process.argv.includes('--check');
const report = `${root}.reports/environments.json`;
const page = `${root}tooling/consumer/environments.json`;
mkdirSync(`${root}.reports`, { recursive: true });
rmSync(report, { force: true });

spawnSync(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    '--config=vitest.environments.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ],
  { cwd: `${root}tooling/consumer`, env: environment, stdio: ['ignore', 'inherit', 'inherit'] },
);

const results = read(report)?.testResults ?? [];
const tests = results.flatMap(({ assertionResults }) => assertionResults);
const count = (status) => tests.filter((test) => test.status === status).length;
// A file that could not be loaded has no test that failed.
const broken = results.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0);
const problems = broken.map(({ name, message }) => `${name}: ${message}`);
if (results.length === 0) problems.push('the test runner left no report');

const found = `${JSON.stringify(tables(results), null, 2)}\n`;
if (isCheck) {
  if (found !== readFileSync(page, 'utf8'))
    problems.push('docs/environments.md claims something else: pnpm environments');
} else if (problems.length === 0) {
  writeFileSync(page, found);
  spawnSync('pnpm', ['--silent', 'generate'], { cwd: root, env: environment, stdio: 'inherit' });
}

for (const problem of problems) process.stdout.write(`${problem}\n`);
const [passed, failed] = [count('passed'), count('failed') + problems.length];
// A test after `beforeAll` has failed counts as skipped, too.
const skipped = tests.length - count('passed') - count('failed');
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

/** One table for each file, with a row for each group of tests, and what came of each test in it. */
function tables(files) {
  const named = files.map(({ name, assertionResults }) => [name.replace(/^.*\/|\.test\.ts$/g, ''), assertionResults]);
  return Object.fromEntries(
    named.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, all]) => [name, rows(all)]),
  );
}

function rows(all) {
  const groups = [...new Set(all.map(({ ancestorTitles }) => ancestorTitles.join(' ')))];
  const ofGroup = (group) => all.filter(({ ancestorTitles }) => ancestorTitles.join(' ') === group);
  return Object.fromEntries(
    groups.map((group) => [group, Object.fromEntries(ofGroup(group).map(({ title, status }) => [title, status]))]),
  );
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
