/** Finds pnpm, or has npm fetch it, so that a machine with only Node and npm can build the project. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The version that package.json pins; any other major version might read the workspace differently. */
const wanted = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).packageManager.split('@')[1];

// The build tool would otherwise leave a file in the user's home.
const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', CI: process.env.CI ?? '1' };

/** Runs pnpm with everything it prints on our standard error, and ends the process when it fails. */
export function pnpm(args, options = {}) {
  const command = pnpmCommand();
  const quiet = options.quiet === true;
  const result = spawnSync(command[0], [...command.slice(1), ...args], {
    cwd: root,
    env: environment,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status === 0) return;
  if (quiet) process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  process.stderr.write(
    `${command.join(' ')} ${args.join(' ')} failed${result.error ? `: ${result.error.message}` : ''}\n`,
  );
  process.exit(result.status ?? 1);
}

/** Installs unless node_modules is as new as what it is made from, and builds what has changed. */
export function prepare() {
  if (!isInstalled()) {
    process.stderr.write('nbdjs: installing dependencies (once)\n');
    pnpm(['install', '--frozen-lockfile', '--reporter=append-only'], { quiet: true });
  }
  if (!existsSync(`${root}apps/cli/dist/main.js`)) process.stderr.write('nbdjs: building (once)\n');
  const turbo = spawnSync(
    process.execPath,
    [`${root}node_modules/turbo/bin/turbo`, 'run', 'build', '--output-logs=errors-only'],
    {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (turbo.status !== 0) {
    process.stderr.write(`${turbo.stdout ?? ''}${turbo.stderr ?? ''}\nnbdjs: the build failed\n`);
    process.exit(1);
  }
}

function isInstalled() {
  const marker = `${root}node_modules/.modules.yaml`;
  if (!existsSync(marker)) return false;
  return statSync(marker).mtimeMs >= statSync(`${root}pnpm-lock.yaml`).mtimeMs;
}

let command;

function pnpmCommand() {
  if (command !== undefined) return command;
  const own = spawnSync('pnpm', ['--version'], { cwd: root, encoding: 'utf8' });
  const isUsable = own.status === 0 && own.stdout.trim().split('.')[0] === wanted.split('.')[0];
  command = isUsable ? ['pnpm'] : ['npx', '-y', `pnpm@${wanted}`];
  return command;
}
