/** Options about colours, in British and American spelling. */
import { alias } from './alias.ts';
import { optionGroup } from './option-group.ts';

/** The answer is `color`. */
export function colourOptions() {
  return optionGroup()
    .option('--color', 'use colours even if the output is not a terminal')
    .option('--no-color', 'do not use colours')
    .addOption(alias('--color', '--colour'))
    .addOption(alias('--color', '--colors'))
    .addOption(alias('--color', '--colours'))
    .addOption(alias('--no-color', '--no-colour'))
    .addOption(alias('--no-color', '--no-colors'))
    .addOption(alias('--no-color', '--no-colours'));
}
