/** Options of every command: help, the version, and lists of its options for completion. */
import { type Command, CommanderError, Option } from '@commander-js/extra-typings';
import { version } from '../version.ts';

const helpFlags = '-h, --help';

/** Lists of options that libnbd's tools print for their completion scripts. */
const lists = { '--long-options': 'long', '--short-options': 'short' } as const;

/** Adds those that print something and end the program. `print` is given whole lines. */
export function addGeneral(
  command: Command,
  print: (text: string) => void,
  { isVersionShown }: { readonly isVersionShown: boolean },
): void {
  const addEnding = (option: Option<string>, text: () => string): void => {
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      print(text());
      throw new CommanderError(0, `nbd.${option.name()}`, '');
    });
  };
  command.helpOption(helpFlags, 'show help');
  const versionOption = new Option('-V, --version', 'show the version').hideHelp(!isVersionShown);
  addEnding(versionOption, () => `nbd ${version}\n`);
  for (const [flag, kind] of Object.entries(lists)) {
    addEnding(new Option(flag).hideHelp(), () => {
      const own = command.options.filter(({ long }) => long === undefined || !(long in lists)).map((one) => one[kind]);
      const flags = [kind === 'long' ? '--help' : '-h', ...own].filter((one) => one !== undefined && one !== null);
      return flags.map((one) => `${one}\n`).join('');
    });
  }
}
