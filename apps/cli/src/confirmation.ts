/** Asks before something is done that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { argumentError } from './errors/argument-error.ts';
import type { Terminal } from './terminal.ts';

/**
 * Asks a question at the terminal, which is answered by "yes" or "y". Resolves when it is, or when `isGranted` says so beforehand.
 *
 * @throws UsageError when the answer is another one, or when there is no terminal to ask at; the terminal's reason when it is interrupted.
 */
export async function requireConsent(terminal: Terminal, question: string, isGranted: boolean): Promise<void> {
  if (isGranted) return;
  const { stdin, stderr, signal } = terminal;
  if (stdin.isTTY !== true || stderr.isTTY !== true) {
    throw argumentError(`${question} There is no terminal to ask at: -y (--yes) says so`);
  }
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await lines.question(`nbd: ${question} [y/N] `, { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw argumentError('nothing was done: the answer was not yes');
  } finally {
    lines.close();
  }
}
