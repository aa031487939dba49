/** Whether a command that runs for long ends on SIGHUP. */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { CommandContext } from './command-context.ts';
import { addGroups, optionGroup } from './option-group.ts';

/**
 * Adds `--no-hangup`. nohup(1) and `trap '' HUP` have a program ignore SIGHUP, and Node undoes that at its start, before a program can
 * find out. So the user has to say it once more.
 */
export function addNoHangup<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
  { terminal }: CommandContext,
) {
  const meaning = 'keep running when the terminal hangs up (SIGHUP); needed with nohup, too';
  const changed = addGroups(command, optionGroup().option('--no-hangup', meaning));
  return changed.hook('preAction', () => {
    if (changed.getOptionValue('hangup') === false) terminal.outliveHangups();
  });
}
