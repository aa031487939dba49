/** What is published, and the doors of each package. */
import { readdirSync, readFileSync } from 'node:fs';
import { root } from '../../support/readmes.ts';

/** The libraries, by their names on the registry. */
export const libraries: readonly string[] = readdirSync(`${root}packages`).map((name) => `@nbdjs/${name}`);

/** What can be imported of them, such as `@nbdjs/client`; not files that only a thread can run. */
export const doors: readonly string[] = libraries.flatMap((name) => {
  const file = `${root}packages/${name.slice('@nbdjs/'.length)}/package.json`;
  const { exports } = JSON.parse(readFileSync(file, 'utf8')) as { exports: Readonly<Record<string, unknown>> };
  return Object.keys(exports)
    .filter((path) => path !== './package.json' && !path.endsWith('worker'))
    .map((path) => `${name}${path.slice(1)}`);
});
