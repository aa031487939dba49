/** A command that starts as one script. */
import { type AddCommand, runCommandLine } from '../command-line.ts';
import type { CommandContext } from '../options/command-context.ts';
import { start } from '../start.ts';

/** Runs a command line that begins with the name of this command. */
export function startOneCommand(register: (add: AddCommand, context: CommandContext) => void): void {
  void start((argv, terminal) =>
    runCommandLine(argv, terminal, {
      register,
      runAlone: () => Promise.reject(new Error('the script of a command was started without its name')),
    }),
  );
}
