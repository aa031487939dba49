/** Runs code that is not typed at the prompt. It is a module: it may await and import. */
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { errorTextAt } from './error-text.ts';
import { ScriptError } from './script-error.ts';

/** Some code, and what messages call it. */
export interface Code {
  readonly name: string;
  readonly url: string;
}

/** Modules of one URL run once in a process. */
let codes = 0;

/** Code of the command line, whose parts are run as one: later ones see what earlier ones declare. */
export function codeOf(parts: readonly string[], name: string): Code {
  return { name, url: `data:text/javascript;charset=utf-8,${encodeURIComponent(parts.join('\n'))}#${++codes}` };
}

export function codeOfFile(path: string): Code {
  return { name: path, url: pathToFileURL(resolve(path)).href };
}

export async function readCode(stdin: NodeJS.ReadStream): Promise<string> {
  return await text(stdin);
}

/** @throws ScriptError for what the code throws; the signal's reason when it is aborted meanwhile. */
export async function evaluate({ name, url }: Code, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([import(/* @vite-ignore */ url), aborted]);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new ScriptError(errorTextAt(error, name, url), { cause: error });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
