/** The READMEs as their readers take them: what to install, and blocks of code to copy. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** By the name of the package; `nbdjs` is the one of the whole. */
export const readmes: readonly string[] = ['nbdjs', ...readdirSync(`${root}packages`)];

function textOf(readme: string): string {
  return readFileSync(`${root}${readme === 'nbdjs' ? '' : `packages/${readme}/`}README.md`, 'utf8');
}

/** What the README says to install. */
export function install(readme: string): string[] {
  const [, names] = /^\$ npm install (@nbdjs\/.*)$/m.exec(textOf(readme)) ?? [];
  if (names === undefined) throw new Error(`the README of ${readme} does not say what to install`);
  return names.split(' ');
}

/** Its blocks of TypeScript. */
export function blocks(readme: string): string[] {
  return [...textOf(readme).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
}
