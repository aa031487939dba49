/** Options that several commands have. */
import { Command, type OptionValues } from '@commander-js/extra-typings';

/** Begins a group of options: a command that is never run, whose options are added to others. */
export function optionGroup() {
  return new Command();
}

/**
 * Adds the options of a group to a command. The type is that of the command's options and the group's; inferring it through generic
 * functions, option by option, would take the compiler minutes.
 */
export function addGroup<
  Arguments extends unknown[],
  Options extends OptionValues,
  Globals extends OptionValues,
  Added extends OptionValues,
>(
  command: Command<Arguments, Options, Globals>,
  group: Command<[], Added>,
): Command<Arguments, Options & Added, Globals> {
  for (const option of group.options) command.addOption(option);
  return command as unknown as Command<Arguments, Options & Added, Globals>;
}
