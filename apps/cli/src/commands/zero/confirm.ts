/** Asking before something is destroyed. */
import { createInterface } from 'node:readline/promises';
import { argumentError } from '../../errors/argument-error.ts';
import type { Terminal } from '../../terminal.ts';

/**
 * Asks on the terminal. Returns whether the answer is yes.
 *
 * @throws UsageError where there is no terminal to ask on.
 */
export async function confirm(question: string, terminal: Terminal): Promise<boolean> {
  const { stdin, stderr, signal } = terminal;
  if (!stdin.isTTY) throw argumentError(`refusing to ${question}: there is no terminal to ask on, and no --yes`);
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await lines.question(`${question[0]?.toUpperCase()}${question.slice(1)} (y/N)? `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
