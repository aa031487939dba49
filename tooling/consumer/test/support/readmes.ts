/** The READMEs and pages as their readers take them: what to install, and blocks of code to copy. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../../', import.meta.url));

const packages = readdirSync(`${root}packages`);

/** By the name of the package; `nbdjs` is the one of the whole. */
export const readmes: readonly string[] = ['nbdjs', ...packages];

/** The pages in `docs` that have code, by their paths without the ending; their readers have all packages. */
export const pages: readonly string[] = readdirSync(`${root}docs`, { recursive: true })
  .map((file) => `docs/${file}`)
  .filter((file) => file.endsWith('.md') && blocksIn(readFileSync(`${root}${file}`, 'utf8')).length > 0)
  .map((file) => file.slice(0, -'.md'.length));

function textOf(name: string): string {
  if (pages.includes(name)) return readFileSync(`${root}${name}.md`, 'utf8');
  const folder = name === 'nbdjs' ? '' : name === 'cli' ? 'apps/cli/' : `packages/${name}/`;
  return readFileSync(`${root}${folder}README.md`, 'utf8');
}

/** The command with which a README begins, such as `npm install @nbdjs/client`. */
export function installCommand(readme: string): string {
  const [, command] = /^\$ (npm install .*)$/m.exec(textOf(readme)) ?? [];
  if (command === undefined) throw new Error(`the README of ${readme} does not say what to install`);
  return command;
}

/** What the README says to install. */
export function install(readme: string): string[] {
  if (pages.includes(readme)) return packages.map((name) => `@nbdjs/${name}`);
  return installCommand(readme)
    .split(' ')
    .filter((word) => word.startsWith('@nbdjs/'));
}

/** Its blocks of TypeScript. */
export function blocks(name: string): string[] {
  return blocksIn(textOf(name));
}

function blocksIn(text: string): string[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
}
