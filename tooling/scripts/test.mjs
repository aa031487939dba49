/**
 * `npm test`: installs, builds, runs every test, and ends with one line that says how many passed, failed and were
 * skipped, taken from the runner's machine-readable report.
 */
import { spawnSync } from 'node:child_process';
import { prepare, root } from './pnpm.mjs';
import { reportCounts, runVitest } from './vitest.mjs';

prepare();

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

// All at once, real peers among them: a test may have to wait for the machine.
const env = { ...process.env, NBDJS_CLI: 'built' };
process.exitCode = reportCounts(runVitest('vitest', ['--testTimeout=20000', ...process.argv.slice(2)], { env }));
