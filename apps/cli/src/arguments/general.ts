/** Options that every command has: help, the version, and lists of its options for completion. */
import { type Command, CommanderError, Option } from 'commander';

const helpFlags = '-h, --help';

/** Adds those that print something and end the program; `print` is given whole lines. */
export function addGeneral(command: Command, versionLine: string, print: (text: string) => void): Command {
  const addEnding = (option: Option, text: () => string): void => {
    command.addOption(option).on(`option:${option.name()}`, () => {
      print(text());
      throw new CommanderError(0, `nbd.${option.name()}`, '');
    });
  };
  command.helpOption(helpFlags, 'show help');
  addEnding(new Option('-V, --version', 'show the version').hideHelp(command.parent !== null), () => versionLine);
  // What libnbd's tools tell their completion.
  const lists = { '--long-options': 'long', '--short-options': 'short' } as const;
  for (const [flag, kind] of Object.entries(lists)) {
    addEnding(new Option(flag).hideHelp(), () => {
      const own = command.options.filter(({ long }) => long === undefined || !(long in lists)).map((one) => one[kind]);
      const flags = [kind === 'long' ? '--help' : '-h', ...own].filter((one) => one !== undefined && one !== null);
      return flags.map((one) => `${one}\n`).join('');
    });
  }
  return command;
}
