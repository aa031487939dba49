/**
 * `npm test`: installs, builds, runs every test, and ends with one line that says how many passed, failed and were
 * skipped, taken from the runner's machine-readable report.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { prepare, root } from './pnpm.mjs';

prepare();

const report = `${root}.reports/vitest.json`;
mkdirSync(`${root}.reports`, { recursive: true });
rmSync(report, { force: true });

const missing = spawnSync(
  process.execPath,
  [
    '--import',
    `${root}tooling/vitest/typescript-hook.mjs`,
    '--conditions',
    '@nbdjs/source',
    `${root}tooling/peers/src/report.ts`,
  ],
  { cwd: root, encoding: 'utf8' },
);
process.stdout.write(missing.status === 0 ? missing.stdout : `the search for peers failed: ${missing.stderr}\n`);

const vitest = spawnSync(
  process.execPath,
  [
    `${root}node_modules/vitest/vitest.mjs`,
    'run',
    '--reporter=default',
    // All at once, real peers among them: a test may have to wait for the machine.
    '--testTimeout=20000',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);

const { passed, failed, skipped, problem } = count();
if (problem !== undefined) process.stdout.write(`${problem}\n`);
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function count() {
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8'));
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, problem: `the test runner left no report: ${error.message}` };
  }
  const skipped = results.numPendingTests + results.numTodoTests;
  // A file that could not even be loaded has no failing test in it, and an error outside of any test only an exit code.
  const brokenFiles = results.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = results.numFailedTests + brokenFiles;
  const unexplained = vitest.status !== 0 && failed === 0;
  return {
    passed: results.numPassedTests,
    failed: failed + (unexplained ? 1 : 0),
    skipped,
    problem: unexplained
      ? `the test runner ended with ${vitest.signal ?? vitest.status} outside of any test`
      : undefined,
  };
}
