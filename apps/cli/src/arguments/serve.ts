/** The words of `nbd serve`. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { type Command, Option } from 'commander';
import type { Terminal } from '../terminal.ts';
import { addNoHangup } from './hangup.ts';
import { parseOperand } from './operands.ts';
import { addServerLimits, serverLimits } from './serve-limits.ts';
import { modeOption, silenceMsOf, silenceOption, upstreamRetries } from './server.ts';
import { parseCount, parseSize } from './size.ts';
import { addServerTls, serverTls, tlsWords } from './tls.ts';
import type { Words } from './words.ts';

/** Adds what those who serve may say; `exit` is given the exit code. */
export function addServe(
  command: Command,
  brackets: Words['brackets'],
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  command
    .argument(
      '<source...>',
      'FILE, memory:SIZE, an NBD URI or [ COMMAND ARGUMENTS ]; NAME=SOURCE gives the export a name',
    )
    .option('-k, --socket <path>', 'listen on a Unix socket')
    .option('-b, --bind <address>', "listen on this address, '*' for all (default: 127.0.0.1)")
    .option('-p, --port <n>', 'listen on this TCP port, 0 for any free one (default: 10809)', (text: string) =>
      parseCount(text, '--port', 0, 65_535),
    )
    .option('--backlog <n>', 'connections that the system keeps until they are taken (default: 4096)', (text: string) =>
      parseCount(text, '--backlog', 1, 65_535),
    )
    .option('--print-uri', 'print the URI on standard output when clients may come')
    .option('-q, --quiet', 'do not say where clients may come to')
    .option('-x, --export-name <name>', 'name of the only export')
    .option('-D, --description <text>', 'description of the exports')
    .option('-r, --read-only', 'refuse to write')
    .addOption(new Option('-t, --persistent', 'go on when the last client has left (default)').default(true).hideHelp())
    .option('--no-persistent', 'exit when the last client has left')
    .option('--allow <who>', 'let in only such clients: ADDRESS[/BITS], uid:N, gid:N, user:NAME (repeatable)', gather)
    .option('--deny <who>', 'turn such clients away (repeatable)', gather)
    .option('-o, --offset <n>', 'leave out so many bytes at the start', (text: string) => parseSize(text, '--offset'))
    .option('-A, --allocation-depth', 'offer the context qemu:allocation-depth')
    .option('--snapshot', 'keep what is written in memory, and forget it at the end')
    .option(
      '--refuse-unaligned',
      'refuse what does not fit the blocks, of clients that have not asked for their sizes, too',
    )
    .option('--pid-file <path>', 'write the process id there when clients may come')
    .option('--oldstyle', 'greet as servers did before there were options: the default export, simple replies, no TLS')
    .option('-s, --stdio', 'serve one client on standard input and output');
  addServerLimits(command);
  command.option(
    '--retries <n>',
    `wait for servers that are served again, for so many tries (default: ${upstreamRetries}, and 0 for the first connection)`,
    (text: string) => parseCount(text, '--retries', 0, 100_000),
  );
  command.addOption(modeOption()).addOption(silenceOption());
  command.option(
    '--context <name>',
    'offer this metadata context of such a server, too, if it has it (repeatable)',
    gather,
  );
  addNoHangup(command, terminal);
  addServerTls(command)
    .option('-v, --verbose', 'say more about errors, and about clients that are turned away or cut off')
    .action(async (sources: string[], options: Record<string, unknown>) => {
      // Loading it takes most of what a short run costs.
      const { serve } = await import('../commands/serve.ts');
      exit(
        await serve(
          sources,
          (word) => parseOperand(word, brackets),
          {
            socket: options.socket as string | undefined,
            bind: options.bind as string | undefined,
            port: options.port as number | undefined,
            backlog: options.backlog as number | undefined,
            exportName: options.exportName as string | undefined,
            description: options.description as string | undefined,
            readOnly: options.readOnly === true,
            limits: serverLimits(options),
            persistent: options.persistent !== false,
            allow: (options.allow ?? []) as readonly string[],
            deny: (options.deny ?? []) as readonly string[],
            offset: options.offset as bigint | undefined,
            allocationDepth: options.allocationDepth === true,
            snapshot: options.snapshot === true,
            refuseUnaligned: options.refuseUnaligned === true,
            pidFile: options.pidFile as string | undefined,
            printUri: options.printUri === true,
            quiet: options.quiet === true,
            oldstyle: options.oldstyle === true,
            stdio: options.stdio === true,
            tls: serverTls(tlsWords(options)),
            mode: options.mode as HeaderMode | undefined,
            retries: options.retries as number | undefined,
            silenceMs: silenceMsOf(options),
            contexts: (options.context ?? []) as readonly string[],
            verbose: options.verbose === true,
          },
          terminal,
        ),
      );
    });
}

/** Of an option that may be given more than once. */
function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
