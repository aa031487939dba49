/**
 * The quick start of the shortest commands: all that such a command needs is one script, which is loaded without the module loader and
 * compiled with what an earlier run has compiled (ADR 0030). The other commands, and all that is run from source, start as modules.
 */
import { compiledBefore, keepCompiled } from './code-cache.ts';

// To import Node's modules would make a module of each for us, which takes two milliseconds.
const { readFileSync } = process.getBuiltinModule('node:fs');
const { createRequire } = process.getBuiltinModule('node:module');
const { join } = process.getBuiltinModule('node:path');
const { Script } = process.getBuiltinModule('node:vm');

/** The scripts, by the first word of the command line. */
const scripts: ReadonlyMap<string | undefined, string> = new Map([
  ['info', 'info'],
  ['copy', 'copy'],
  ['dump', 'dump'],
  ['serve', 'serve'],
  ['help', 'help'],
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'help'],
  ['-V', 'help'],
]);

/** A script is a function, in the form that `tsup.config.ts` gives it. */
type Start = (require: NodeJS.Require, url: string) => void;

/** URLs of WebSocket and HTTP, listening for them, and disks in stores of objects need code that no script has. */
const apart = /^--web(=|$)|(^|=)((ws|http)s?:\/\/|folder:|s3:\/\/)/i;

/** Starts what the first word asks for. Returns whether it has one script. */
export function startQuickly(words: readonly string[]): boolean {
  const name = scripts.get(words[0]);
  if (name === undefined || words.some((word) => apart.test(word))) return false;
  const filename = join(import.meta.dirname, `${name}.cjs`);
  const source = read(filename);
  if (source === undefined) return false;
  const compiled = compiledBefore(name, source);
  const script = new Script(source, { filename, cachedData: compiled });
  if (compiled === undefined || script.cachedDataRejected === true) keepCompiled(name, source, script);
  (script.runInThisContext() as Start)(createRequire(filename), import.meta.url);
  return true;
}

function read(filename: string): string | undefined {
  try {
    // It has ASCII only, which takes less time to read as what it is.
    return readFileSync(filename, 'latin1');
  } catch {
    // Run from source, there are no scripts.
    return undefined;
  }
}
