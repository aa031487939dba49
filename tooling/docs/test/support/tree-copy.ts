/** A copy of this tree, as a clone of it would be: what git knows or would add, with the dependencies linked. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
/** What tools keep there; pnpm's store of packages is linked instead. */
const left = new Set(['.pnpm', '.cache', '.vite', '.vitest', '.tmp']);

/** What a login shell would have; nothing of the test runner's, whose variables change what programs do. */
export const environment: Readonly<Record<string, string | undefined>> = {
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  TMPDIR: process.env.TMPDIR,
  LANG: process.env.LANG,
  // By this, .ci/run finds what a part of it has left running.
  NBDJS_CI_RUN: process.env.NBDJS_CI_RUN,
};

export function copyTree(): { folder: string; git: (...args: string[]) => string; remove: () => void } {
  requireInstalled();
  // The paths of Unix sockets are short.
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-tour-'));
  const git = (...args: string[]): string => {
    const identity = ['-c', 'user.name=reader', '-c', 'user.email=reader@localhost', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8', env: environment });
  };
  for (const file of filesOf(root)) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(join(root, file), join(folder, file), { verbatimSymlinks: true });
  }
  linkDependencies(folder);
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'the tree');
  return { folder, git, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Otherwise an installation in the copy would write into the store that it shares with this tree. */
function requireInstalled(): void {
  const installed = join(root, 'node_modules/.pnpm/lock.yaml');
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(join(root, 'pnpm-lock.yaml')))) return;
  throw new Error('node_modules is not what pnpm-lock.yaml says; pnpm install mends that');
}

function filesOf(folder: string): readonly string[] {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', list, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(folder, file)));
}

/** The folders of links are copied, so that packages of the workspace lead to each other's copies. */
function linkDependencies(folder: string): void {
  const packages = new Set(filesOf(root).filter((file) => basename(file) === 'package.json'));
  for (const file of packages) {
    const modules = join(dirname(file), 'node_modules');
    if (!existsSync(join(root, modules))) continue;
    const filter = (path: string): boolean => !left.has(basename(path));
    cpSync(join(root, modules), join(folder, modules), { recursive: true, verbatimSymlinks: true, filter });
  }
  symlinkSync(join(root, 'node_modules/.pnpm'), join(folder, 'node_modules/.pnpm'));
  // The package manager, where the machine has none of its own.
  if (existsSync(join(root, '.tools'))) symlinkSync(join(root, '.tools'), join(folder, '.tools'));
}
