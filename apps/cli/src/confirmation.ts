/** Asks before something is done that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { argumentError } from './errors/argument-error.ts';
import { capitalized } from './render/capitalized.ts';
import type { Terminal } from './terminal.ts';

/**
 * Asks at the terminal. Returns whether the answer is "yes" or "y".
 *
 * @param prompt the question as it is printed
 * @param refusal what the error says where there is no terminal
 * @throws UsageError when there is no terminal to ask at; the terminal's reason when it is interrupted.
 */
export async function isConfirmed(
  { stdin, stderr, signal }: Terminal,
  prompt: string,
  refusal: string,
): Promise<boolean> {
  if (!stdin.isTTY) throw argumentError(refusal);
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(prompt, { signal })).trim());
  } finally {
    lines.close();
  }
}

/**
 * Returns whether something that cannot be undone may be done: a person, or `--yes`, has to agree. Otherwise it is said that nothing was changed.
 *
 * @param what such as `erase everything on disk.img, for ever`
 * @throws as `isConfirmed` does.
 */
export async function mayDo(
  what: string,
  { yes }: { readonly yes?: boolean | undefined },
  terminal: Terminal,
): Promise<boolean> {
  const refusal = `refusing to ${what}: there is no terminal to ask on, and no --yes`;
  if (yes === true || (await isConfirmed(terminal, `${capitalized(what)} (y/N)? `, refusal))) return true;
  terminal.note('nbd: nothing was changed');
  return false;
}
