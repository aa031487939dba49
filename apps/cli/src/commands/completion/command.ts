/** The command line of `nbd completion`. */
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { usage } from './usage.ts';

export type CompletionOptions = OptionsOf<typeof declareCompletion>;

export function declareCompletion(context: CommandContext) {
  return beginCommand(context, 'completion', 'print a completion script for a shell', usage).argument(
    '<shell>',
    'bash, zsh or fish',
  );
}
