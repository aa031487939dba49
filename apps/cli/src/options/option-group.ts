/** Options that several commands have. */
import { Command, type OptionValues } from '@commander-js/extra-typings';

/** Begins a group of options: a command that is never run, whose options are added to others. */
export function optionGroup() {
  return new Command();
}

/** The options of several groups together. */
type OptionsIn<Groups extends readonly unknown[]> = Groups extends readonly [Command<[], infer First>, ...infer Rest]
  ? First & OptionsIn<Rest>
  : unknown;

/**
 * Adds the options of groups to a command, in this order. The type is that of the command's options and the groups'; inferring it through
 * generic functions, option by option, would take the compiler minutes.
 */
export function addGroups<
  Arguments extends unknown[],
  Options extends OptionValues,
  Globals extends OptionValues,
  Groups extends readonly Command<[], OptionValues>[],
>(
  command: Command<Arguments, Options, Globals>,
  ...groups: Groups
): Command<Arguments, Options & OptionsIn<Groups>, Globals> {
  for (const { options } of groups) for (const option of options) command.addOption(option);
  return command as unknown as Command<Arguments, Options & OptionsIn<Groups>, Globals>;
}
