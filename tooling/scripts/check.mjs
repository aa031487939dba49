/**
 * `pnpm check`: everything but the tests, by turbo, which runs again only what has changed. The last line counts tasks, taken from
 * turbo's own summary of the run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { environment, prepare, root } from './pnpm.mjs';

prepare();

const ofPackages = ['lint', 'typecheck', 'purity', 'api', 'pack:check', 'site'];
const ofRepository = [
  'boundaries',
  'unused',
  'sizes',
  'manifests',
  'docs:check',
  'reference',
  'changesets',
  'test:without-peers',
];
const summaries = `${root}.turbo/runs`;

rmSync(summaries, { recursive: true, force: true });
const options = ['--continue', '--summarize', '--output-logs=new-only', ...process.argv.slice(2)];
const { status } = spawnSync(
  process.execPath,
  [`${root}node_modules/turbo/bin/turbo`, 'run', ...ofPackages, ...ofRepository, ...options],
  { cwd: root, env: environment, stdio: ['ignore', 'inherit', 'inherit'] },
);

const tasks = existsSync(summaries)
  ? readdirSync(summaries).flatMap((name) => JSON.parse(readFileSync(`${summaries}/${name}`, 'utf8')).tasks)
  : [];
// Some tasks only say what others depend on, and run nothing.
const results = tasks.filter(({ command }) => command !== '<NONEXISTENT>');
const passed = results.filter(({ execution }) => execution?.exitCode === 0);
// One that was never begun, because what it needs has failed, has passed no more than one that ended badly.
const failed = results.filter((task) => !passed.includes(task));
for (const { taskId } of failed) process.stdout.write(`FAILED  ${taskId}\n`);
const isUnexplained = status !== 0 && failed.length === 0;
if (isUnexplained) process.stdout.write(`turbo ended with ${status} outside of any task\n`);
process.stdout.write(`${passed.length} passed, ${failed.length + (isUnexplained ? 1 : 0)} failed\n`);
process.exitCode = status === 0 && passed.length > 0 ? 0 : 1;
