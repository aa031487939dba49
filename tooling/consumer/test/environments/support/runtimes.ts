/** The Nodes and the other runtimes that the packages are tried with, as the registry has them for this machine. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../support/readmes.ts';
import { run } from './run.ts';

/** A version of Node, and the npm that users of it have. */
export interface NodeVersion {
  readonly version: string;
  readonly npm: string;
  /** Why this version and no other. */
  readonly why?: string;
}

interface Versions {
  readonly node: readonly NodeVersion[];
  readonly deno: string;
  readonly bun: string;
  readonly typescript: readonly string[];
}

/** What is tried. */
export const versions = JSON.parse(
  readFileSync(new URL('../../../runtimes.json', import.meta.url), 'utf8'),
) as Versions;

/** The first and the last Node of the list. */
export const [oldest, newest] = [versions.node[0], versions.node.at(-1)] as [NodeVersion, NodeVersion];

const nodes = new Set(versions.node.map(({ version }) => version));
const npms = new Set(versions.node.map(({ npm }) => npm));

/** Kept beside what the project fetches for itself otherwise. */
const folder = `${root}.tools/runtimes`;
const modules = join(folder, 'node_modules');

/** npm names processors as Node does, and the makers of Deno and Bun each in their own way. */
const processor = { x64: 'x64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;

const manifest = JSON.stringify({
  private: true,
  dependencies: Object.fromEntries([
    ...[...nodes].map((version) => [`node-${version}`, `npm:node-${process.platform}-${process.arch}@${version}`]),
    ...[...npms].map((version) => [`npm-${version}`, `npm:npm@${version}`]),
    ...versions.typescript.map((version) => [`typescript-${version}`, `npm:typescript@${version}`]),
  ]),
  // Not for every machine.
  optionalDependencies: {
    deno: `npm:@deno/${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}@${versions.deno}`,
    bun: `npm:@oven/bun-${process.platform}-${processor}@${versions.bun}`,
  },
});

/** Fetches what is not there yet; the versions say what. */
export async function installRuntimes(): Promise<void> {
  const stamp = join(folder, 'installed.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === manifest) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), manifest);
  // Several hundred megabytes, on a first run.
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
  await run(['npm', 'install', ...options], { cwd: folder, timeoutMs: 900_000 });
  writeFileSync(stamp, manifest);
}

/** The program of a Node. */
export function nodePath(version: string): string {
  return join(modules, `node-${version}`, 'bin/node');
}

/** The script of an npm, which any Node runs. */
export function npmPath(version: string): string {
  return join(modules, `npm-${version}`, 'bin/npm-cli.js');
}

/** The command that runs a compiler of TypeScript. */
export function compilerPath(version: string): string {
  return join(modules, `typescript-${version}`, 'bin/tsc');
}

/** Deno's program, or `undefined` where there is none for this machine. */
export const denoPath = existing(join(modules, 'deno/deno'));

/** Bun's program, or `undefined` where there is none for this machine. */
export const bunPath = existing(join(modules, 'bun/bin/bun'));

function existing(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}
