/** The command line as a whole: runs a command, and turns errors into exit codes. */
import { Command, type OptionValues } from '@commander-js/extra-typings';
import { declareCerts } from './commands/certs/command.ts';
import { declareCompletion } from './commands/completion/command.ts';
import { declareCopy } from './commands/copy/command.ts';
import { declareDemo } from './commands/demo/command.ts';
import { declareDump } from './commands/dump/command.ts';
import { declareInfo } from './commands/info/command.ts';
import { declareServe } from './commands/serve/command.ts';
import { report } from './errors/report.ts';
import { prepareArguments } from './options/argv.ts';
import type { CommandContext, Run } from './options/command-context.ts';
import { addGeneral } from './options/general.ts';
import { help } from './render/help.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line. Never throws; the result is the exit code. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
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
    const exitCode = registerCommands({ terminal, brackets, print, program });
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
    .showHelpAfterError('(nbd --help lists what is possible)')
    .addHelpText('after', help)
    // Options behind the name of a command are that command's.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeErr: (text) => terminal.stderr.write(text),
      writeOut: print,
      outputError: (text, write) => write(text.replace(/^error:/, 'nbd:')),
    });
  addGeneral(program, print, { isVersionShown: true });
  return program;
}

/** Adds the commands, in the order of the help. Returns a function that returns the exit code of the command that has run. */
function registerCommands(context: CommandContext & { readonly program: Command }): () => number {
  const { program } = context;
  let exitCode = 0;
  // What a command does is loaded when it is asked for: loading is most of what a short run costs.
  const add = <Arguments extends unknown[], Options extends OptionValues>(
    command: Command<Arguments, Options>,
    load: () => Promise<{ readonly run: Run<Options, Arguments> }>,
  ): void => {
    program.addCommand(command.copyInheritedSettings(program) as unknown as Command);
    command.action(async () => {
      const { run: runCommand } = await load();
      exitCode = await runCommand(context, command.opts(), ...(command.processedArgs as Arguments));
    });
  };
  add(declareInfo(context), () => import('./commands/info/run.ts'));
  add(declareCopy(context), () => import('./commands/copy/run.ts'));
  add(declareDump(context), () => import('./commands/dump/run.ts'));
  add(declareServe(context), () => import('./commands/serve/run.ts'));
  add(declareCerts(context), () => import('./commands/certs/run.ts'));
  add(declareDemo(context), () => import('./commands/demo/run.ts'));
  add(declareCompletion(context), () => import('./commands/completion/run.ts'));
  // Without a command it is the demo. The first word that is no command is a command that does not exist.
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(`error: unknown command '${unknown}'`);
    exitCode = await (await import('./commands/demo/run.ts')).run(context, {});
  });
  return () => exitCode;
}
