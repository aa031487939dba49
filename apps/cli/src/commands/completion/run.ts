/** `nbd completion`: scripts that complete our commands and options in a shell. */
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { argumentError } from '../../errors/argument-error.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { featureNames } from '../info/features.ts';
import type { CompletionOptions } from './command.ts';
import { type CompletedCommand, shells } from './scripts.ts';

export async function run(
  { program, terminal }: CommandContext,
  _options: CompletionOptions,
  shell: string,
): Promise<number> {
  if (!isShell(shell)) {
    throw argumentError(`there is no completion for '${shell}' (known: ${Object.keys(shells).join(', ')})`);
  }
  await terminal.print(shells[shell](program.commands.map(completedCommand)));
  return 0;
}

function isShell(name: string): name is keyof typeof shells {
  return Object.hasOwn(shells, name);
}

function completedCommand(command: CommandUnknownOpts): CompletedCommand {
  return {
    name: command.name(),
    description: command.summary() || command.description(),
    commands: command.commands.map(completedCommand),
    options: [
      ...command.options
        // The other spellings of --can are hidden from the list in the help, which names them below it.
        .filter((option) => !option.hidden || (asksForFeature(option) && option.description !== ''))
        .flatMap((option) =>
          [option.short, option.long].flatMap((flag) =>
            flag === undefined || flag === null
              ? []
              : [{ flag, description: option.description, values: valuesOf(option) }],
          ),
        ),
      { flag: '-h', description: 'show help', values: [] },
      { flag: '--help', description: 'show help', values: [] },
    ],
  };
}

function asksForFeature({ flags }: Pick<Option, 'flags'>): boolean {
  return flags.endsWith('<feature>');
}

function valuesOf(option: Pick<Option, 'flags' | 'argChoices'>): readonly string[] {
  return option.argChoices ?? (asksForFeature(option) ? featureNames : []);
}
