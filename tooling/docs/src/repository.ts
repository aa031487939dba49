/** The files of the repository, and where they lie. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The repository's root, with a slash at the end. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

const groups = ['packages', 'apps', 'tooling'] as const;
const isSource = /\.(ts|mts|mjs)$/;
const isTest = /(\.test\.ts$|^packages\/conformance\/src\/)/;

/** A file with text, by its path from the root. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** A workspace: its folder and the name by which the rules call it (`handshake`, `cli`, `testkit`). */
interface Workspace {
  readonly name: string;
  readonly folder: string;
}

export function read(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8');
}

export const workspaces: readonly Workspace[] = groups.flatMap((group) =>
  readdirSync(`${root}${group}`)
    .filter((name) => existsSync(`${root}${group}/${name}/package.json`))
    .map((name) => ({ name, folder: `${group}/${name}` })),
);

/** The name of the workspace that a file belongs to. */
export function workspaceOf(path: string): string | undefined {
  return workspaces.find(({ folder }) => path.startsWith(`${folder}/`))?.name;
}

/** All sources, those of tests among them. */
export function sources(): readonly TextFile[] {
  return workspaces.flatMap(({ folder }) =>
    ['src', 'test', 'bench'].flatMap((part) => filesBelow(`${folder}/${part}`, isSource)),
  );
}

/** The files that tests, or suites of tests for others, stand in; not those of this workspace, whose titles are examples. */
export function tests(): readonly TextFile[] {
  return sources().filter(({ path }) => isTest.test(path) && !path.startsWith('tooling/docs/'));
}

/** The sources that reach users, without tests. */
export function published(): readonly TextFile[] {
  return sources().filter(
    ({ path }) => /^(packages|apps)\/[^/]+\/src\//.test(path) && !/\.(test|testing)\.ts$/.test(path),
  );
}

/** Pages for people: of the root, of `docs`, and the READMEs of the workspaces. */
export function pages(): readonly TextFile[] {
  return [
    ...namesIn('').filter((name) => name.endsWith('.md')),
    ...filesBelow('docs', /\.md$/).map(({ path }) => path),
    ...workspaces.map(({ folder }) => `${folder}/README.md`).filter((path) => existsSync(`${root}${path}`)),
  ].map((path) => ({ path, text: read(path) }));
}

function filesBelow(folder: string, pattern: RegExp): readonly TextFile[] {
  if (!existsSync(`${root}${folder}`)) return [];
  return readdirSync(`${root}${folder}`, { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll('\\', '/')}`)
    .filter((path) => pattern.test(path))
    .sort()
    .map((path) => ({ path, text: read(path) }));
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(`${root}${folder}`).sort();
}
