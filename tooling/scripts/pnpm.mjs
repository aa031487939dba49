/** Finds pnpm, or has npm fetch it, so that a machine with only Node and npm can build the project. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The version that package.json pins; any other major version might read the workspace differently. */
const wanted = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).packageManager.split('@')[1];

/** Where pnpm goes when the machine has none: the project's own folder, so that nothing global changes. */
const tools = `${root}.tools`;

/** For all that is run here: the build tool would otherwise leave a file in the user's home, and many look for pnpm in the path. */
export const environment = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  CI: process.env.CI ?? '1',
  PATH: `${tools}/node_modules/.bin${delimiter}${process.env.PATH ?? ''}`,
};

/** Runs a program silently; what it printed is shown when it fails, which ends the process. */
function run(program, args) {
  const result = spawnSync(program, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  process.stderr.write(
    `nbdjs: ${program} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}\n`,
  );
  process.exit(result.status || 1);
}

/** The command line, where it is built. */
export const program = `${root}apps/cli/dist/main.cjs`;

/** Installs unless node_modules is what the lock file says, and builds what has changed. */
export function prepare() {
  const isNew = !existsSync(program);
  if (!isInstalled()) {
    process.stderr.write('nbdjs: installing dependencies (once)\n');
    if (!hasPnpm()) fetchPnpm();
    run('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only']);
  } else if (!findsPnpm()) {
    // The build tool asks it what the packages are.
    fetchPnpm();
  }
  if (isNew) process.stderr.write('nbdjs: building (once)\n');
  run(process.execPath, [`${root}node_modules/turbo/bin/turbo`, 'run', 'build', '--output-logs=errors-only']);
}

/** pnpm keeps a copy of the lock file that it installed from; times say little after a checkout. */
function isInstalled() {
  const copy = `${root}node_modules/.pnpm/lock.yaml`;
  return existsSync(copy) && readFileSync(copy).equals(readFileSync(`${root}pnpm-lock.yaml`));
}

/** Has npm fetch our own. */
function fetchPnpm() {
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  run('npm', ['install', '--prefix', tools, ...quiet, `pnpm@${wanted}`]);
}

/** Whether there is any pnpm: a look at the path, which takes no time. */
function findsPnpm() {
  return environment.PATH.split(delimiter).some((folder) => existsSync(`${folder}/pnpm`));
}

/** Whether there is a pnpm of the right major version, the machine's or our own. */
function hasPnpm() {
  const { status, stdout } = spawnSync('pnpm', ['--version'], { cwd: root, env: environment, encoding: 'utf8' });
  return status === 0 && stdout.trim().split('.')[0] === wanted.split('.')[0];
}
