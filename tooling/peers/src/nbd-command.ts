/** Starting our own command line as a process of its own. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const fileOf = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const source = fileOf('apps/cli/src/main.ts');
const hook = new URL('../../vitest/typescript-hook.mjs', import.meta.url).href;

/** The program as it is published, where it is built. */
export const builtNbd = fileOf('apps/cli/dist/main.cjs');

/**
 * The words that start `nbd`. Where `NBDJS_CLI` is `built`, as in `npm test`, which builds everything first, that is the program as it is published,
 * which starts ten times as fast; else the one of the sources, so that a test by itself needs nothing built.
 *
 * @throws {Error} the built one is wanted, and there is none
 */
export function nbdCommand(...argv: readonly string[]): [string, ...string[]] {
  if (process.env.NBDJS_CLI !== 'built') {
    return [process.execPath, '--conditions', '@nbdjs/source', '--import', hook, source, ...argv];
  }
  if (!existsSync(builtNbd))
    throw new Error(`${builtNbd} is not there: build it, or start the tests without NBDJS_CLI`);
  return [process.execPath, builtNbd, ...argv];
}
