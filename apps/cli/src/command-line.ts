/** The frame of all commands: runs the one that is asked for, and turns errors into exit codes. */
import { Command, type CommandUnknownOpts, type OptionValues } from '@commander-js/extra-typings';
import { report } from './errors/report.ts';
import { prepareArguments } from './options/argv.ts';
import type { CommandContext, Run } from './options/command-context.ts';
import { addGeneral } from './options/general.ts';
import { refuseEmptyNames } from './options/named-files.ts';
import { programUsage } from './options/program-usage.ts';
import { explain } from './options/usage.ts';
import type { Terminal } from './terminal.ts';

/**
 * Adds a command to the command line, or to a family of commands (`nbd FAMILY COMMAND`). What it does is loaded when it is asked for:
 * loading is most of what a short run costs.
 */
export type AddCommand = <Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
  load: () => Promise<{ readonly run: Run<Options, Arguments> }>,
  family?: CommandUnknownOpts,
) => void;

/** Adds commands, in the order of the help. */
export type Register = (add: AddCommand, context: CommandContext) => void;

/** What the command line consists of. */
export interface Commands {
  readonly register: Register;
  /** What is done without a command. */
  readonly runAlone: (context: CommandContext) => Promise<number>;
}

/** Runs one command line. Never throws; the result is the exit code. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal, commands: Commands): Promise<number> {
  const printed: Promise<void>[] = [];
  const print = (text: string): void => {
    const done = terminal.print(text);
    // It is awaited at the end.
    done.catch(() => {});
    printed.push(done);
  };
  try {
    const { words, brackets } = prepareArguments(argv);
    const program = makeProgram(terminal, print);
    const exitCode = registerCommands(commands, { terminal, brackets, print, program });
    await program.parseAsync([...words], { from: 'user' });
    await Promise.all(printed);
    return exitCode();
  } catch (error) {
    const failure = await Promise.all(printed).then(
      () => error,
      (reason: unknown) => reason,
    );
    const isVerbose = argv.includes('--verbose') || argv.includes('-v');
    return report(failure, { command: argv[0], isVerbose }, terminal);
  }
}

function makeProgram(terminal: Terminal, print: (text: string) => void): Command {
  const program = new Command('nbd')
    .description('Look at, copy, dump and serve NBD (Network Block Device) exports.')
    .helpCommand('help [command]', 'show help for a command')
    // Options behind the name of a command are that command's.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeErr: (text) => terminal.stderr.write(text),
      writeOut: print,
      outputError: (text, write) => write(text.replace(/^error:/, 'nbd:')),
    });
  program.showHelpAfterError(advice(program));
  addGeneral(program, print, { isVersionShown: true });
  return explain(program, programUsage);
}

/** Adds a command to the whole or to a family. */
function adopt(parent: CommandUnknownOpts, command: CommandUnknownOpts): void {
  command.copyInheritedSettings(parent);
  parent.addCommand(command);
  command.showHelpAfterError(advice(command));
}

/** Where a user finds what is possible. */
function advice(command: CommandUnknownOpts): string {
  const words: string[] = [];
  for (let one: CommandUnknownOpts | null = command; one !== null; one = one.parent) words.unshift(one.name());
  return `(${words.join(' ')} --help lists what is possible)`;
}

/** Returns a function that returns the exit code of the command that has run. */
function registerCommands(
  { register, runAlone }: Commands,
  context: CommandContext & { readonly program: Command },
): () => number {
  const { program } = context;
  let exitCode = 0;
  const add = <Arguments extends unknown[], Options extends OptionValues>(
    command: Command<Arguments, Options>,
    load: () => Promise<{ readonly run: Run<Options, Arguments> }>,
    family?: CommandUnknownOpts,
  ): void => {
    if (family !== undefined && !program.commands.includes(family)) adopt(program, family);
    const own = command as unknown as CommandUnknownOpts;
    refuseEmptyNames(own);
    adopt(family ?? program, own);
    command.action(async () => {
      const { run } = await load();
      exitCode = await run(context, command.opts(), ...(command.processedArgs as Arguments));
    });
  };
  register(add, context);
  program.allowExcessArguments().action(async () => {
    // The first word that is no command is a command that does not exist.
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(`error: unknown command '${unknown}'`);
    exitCode = await runAlone(context);
  });
  return () => exitCode;
}
