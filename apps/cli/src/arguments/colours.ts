/** Options about colours, in the spellings of both sides of the Atlantic. */
import type { Command } from 'commander';
import { addAliases } from './alias.ts';

/** What was said comes as `options.color`. */
export function addColours(command: Command): Command {
  command.option('--color', 'use colours even if the output is no terminal').option('--no-color', 'do not use colours');
  addAliases(command, '--color', '--colour', '--colors', '--colours');
  return addAliases(command, '--no-color', '--no-colour', '--no-colors', '--no-colours');
}
