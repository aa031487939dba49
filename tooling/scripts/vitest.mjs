/** Runs tests, and counts them from the runner's machine-readable report. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { root } from './pnpm.mjs';

/**
 * Runs vitest in a folder with these arguments. Returns what its files report, how many tests passed, failed and were skipped, and in words
 * what no test has reported; each of these counts as failed.
 */
export function runVitest(name, args, { cwd = root, env = process.env } = {}) {
  const report = `${root}.reports/${name}.json`;
  mkdirSync(`${root}.reports`, { recursive: true });
  rmSync(report, { force: true });
  const { status, signal } = spawnSync(
    process.execPath,
    [
      `${root}node_modules/vitest/vitest.mjs`,
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8'));
  } catch (error) {
    const problems = [`the test runner left no report: ${error.message}`];
    return { files: [], passed: 0, failed: 1, skipped: 0, problems };
  }
  const files = results.testResults;
  // A file that could not even be loaded has no failing test in it, and an error outside of any test only an exit code.
  const problems = files
    .filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'))
    .map(({ name: file, message }) => `${file}: ${message}`);
  if (status !== 0 && results.numFailedTests + problems.length === 0) {
    problems.push(`the test runner ended with ${signal ?? status} outside of any test`);
  }
  return {
    files,
    passed: results.numPassedTests,
    failed: results.numFailedTests + problems.length,
    skipped: results.numPendingTests + results.numTodoTests,
    problems,
  };
}

/** Prints what went wrong outside of tests, and the line that counts. Returns the exit code. */
export function reportCounts({ passed, failed, skipped, problems }) {
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
