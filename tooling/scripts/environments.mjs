/**
 * `pnpm environments`: tries the packed packages on every runtime, with every compiler and bundler that runtimes.json of the workspace
 * `consumer` names, writes down what was passed (environments.json there), and has docs/environments.md say the same. `--check` writes
 * nothing, and fails when the page claims something else than what was found. The last line counts.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { environment, prepare, root } from './pnpm.mjs';
import { reportCounts, runVitest } from './vitest.mjs';

prepare();

const isCheck = process.argv.includes('--check');
const page = `${root}tooling/consumer/environments.json`;

const counts = runVitest('environments', ['--config=vitest.environments.config.ts'], {
  cwd: `${root}tooling/consumer`,
  env: environment,
});
const found = `${JSON.stringify(tables(counts.files), null, 2)}\n`;
if (isCheck) {
  if (found !== readFileSync(page, 'utf8')) {
    counts.problems.push('docs/environments.md claims something else: pnpm environments');
    counts.failed++;
  }
} else if (counts.problems.length === 0) {
  writeFileSync(page, found);
  spawnSync('pnpm', ['--silent', 'generate'], { cwd: root, env: environment, stdio: 'inherit' });
}
process.exitCode = reportCounts(counts);

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
