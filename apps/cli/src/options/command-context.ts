/** What the declaration and the run of every command are given. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { capitalized } from '../render/capitalized.ts';
import type { Terminal } from '../terminal.ts';
import type { Brackets } from './argv.ts';
import { addGeneral } from './general.ts';
import { explain, type Usage } from './usage.ts';

export interface CommandContext {
  readonly terminal: Terminal;
  /** The commands in brackets that were taken out of the command line. */
  readonly brackets: Brackets;
  /** Prints on standard output what ends the program, such as help. */
  readonly print: (text: string) => void;
  /** The whole command line, for completion scripts. */
  readonly program: CommandUnknownOpts;
}

/** The options of a command, or of a group of options, as its declaration has them. */
export type OptionsOf<Declare extends (...given: never[]) => { opts(): unknown }> = ReturnType<
  ReturnType<Declare>['opts']
>;

/** Carries out a command. Resolves to the exit code. */
export type Run<Options, Arguments extends readonly unknown[]> = (
  context: CommandContext,
  options: Options,
  ...given: Arguments
) => Promise<number>;

/** Begins the declaration of a command with what all commands have. `summary` is the line in the list of commands. */
export function beginCommand({ print }: CommandContext, name: string, summary: string, usage: Usage) {
  const command = new Command(name).summary(summary).description(`${capitalized(summary)}.`);
  addGeneral(command, print, { isVersionShown: false });
  return explain(command, usage);
}
