/** Options about colours, in British and American spelling. */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { alias } from './alias.ts';

/** Adds them. The answer is `color`. */
export function addColour<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) {
  return command
    .option('--color', 'use colours even if the output is no terminal')
    .option('--no-color', 'do not use colours')
    .addOption(alias('--color', '--colour'))
    .addOption(alias('--color', '--colors'))
    .addOption(alias('--color', '--colours'))
    .addOption(alias('--no-color', '--no-colour'))
    .addOption(alias('--no-color', '--no-colors'))
    .addOption(alias('--no-color', '--no-colours'));
}
