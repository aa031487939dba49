/** Runs tests, and counts them from the runner's machine-readable report. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { root } from './pnpm.mjs';

/**
 * Runs vitest in a folder with these arguments. Returns what its files report, how many tests passed, failed and were skipped, and in words
 * what has failed: tests, and what no test has reported.
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
  const problems = files.flatMap(problemsOf);
  if (status !== 0 && problems.length === 0) {
    problems.push(`the test runner ended with ${signal ?? status} outside of any test`);
  }
  return {
    files,
    passed: results.numPassedTests,
    failed: problems.length,
    skipped: results.numPendingTests + results.numTodoTests,
    problems,
  };
}

/** What has failed in a file. One that could not even be loaded has no failed test in it. */
function problemsOf({ name, status, message, assertionResults }) {
  const file = name.replace(root, '');
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (status === 'failed' && failed.length === 0) return [`${file}: ${firstLine(message)}`];
  return failed.map(({ fullName, failureMessages }) => `${file}: ${fullName}: ${firstLine(failureMessages[0])}`);
}

/** Without the colours of a terminal. */
function firstLine(text = '') {
  return stripVTControlCharacters(text).split('\n', 1)[0];
}

/** Prints what has failed, each in a line of its own, and the line that counts. Returns the exit code. */
export function reportCounts({ passed, failed, skipped, problems }) {
  for (const problem of problems) process.stdout.write(`FAILED  ${problem}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
