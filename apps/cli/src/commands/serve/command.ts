/** The command line of `nbd serve`. */
import { Option } from '@commander-js/extra-typings';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { parseOperand } from '../../options/operand.ts';
import { addGroup } from '../../options/option-group.ts';
import { modeOption, parseRetries, silenceOption, upstreamRetries } from '../../options/server.ts';
import { count, gather, size } from '../../options/size.ts';
import { serverTlsOptions } from '../../options/tls.ts';
import { addLimits } from './limits.ts';
import { parseSource, type Source } from './source.ts';

export type ServeOptions = OptionsOf<typeof declareServe>;

export function declareServe(context: CommandContext) {
  const parse = (word: string) => parseOperand(word, context.brackets);
  const command = beginCommand(context, 'serve', 'serve files, memory or other servers')
    .argument(
      '<source...>',
      'FILE, memory:SIZE, an NBD URI or [ COMMAND ARGUMENTS ]; NAME=SOURCE gives the export a name',
      (word: string, before: readonly Source[] = []): readonly Source[] => [...before, parseSource(word, parse)],
    )
    .option('-k, --socket <path>', 'listen on a Unix socket')
    .option('-b, --bind <address>', "listen on this address, '*' for all (default: 127.0.0.1)")
    .option(
      '-p, --port <n>',
      'listen on this TCP port, 0 for any free one (default: 10809)',
      count('--port', 0, 65_535),
    )
    .option(
      '--backlog <n>',
      'connections that the system keeps until they are taken (default: 4096)',
      count('--backlog', 1, 65_535),
    )
    .option('--print-uri', 'print the URI on standard output when clients may come')
    .option('-q, --quiet', 'do not say where clients may come to')
    .option('-x, --export-name <name>', 'name of the only export')
    .option('-D, --description <text>', 'description of the exports')
    .option('-r, --read-only', 'refuse to write')
    .addOption(new Option('-t, --persistent', 'go on when the last client has left (default)').default(true).hideHelp())
    .option('--no-persistent', 'exit when the last client has left')
    .option(
      '--allow <client>',
      'let in only such clients: ADDRESS[/BITS], uid:N, gid:N, user:NAME (repeatable)',
      gather,
    )
    .option('--deny <client>', 'turn such clients away (repeatable)', gather)
    .option('-o, --offset <n>', 'leave out so many bytes at the start', size('--offset'))
    .option('-A, --allocation-depth', 'offer the context qemu:allocation-depth')
    .option('--snapshot', 'keep what is written in memory, and forget it at the end')
    .option(
      '--refuse-unaligned',
      'refuse what does not fit the blocks, of clients that have not asked for their sizes, too',
    )
    .option('--pid-file <path>', 'write the process id there when clients may come')
    .option('--oldstyle', 'greet as servers did before there were options: the default export, simple replies, no TLS')
    .option('-s, --stdio', 'serve one client on standard input and output');
  const upstream = addLimits(command)
    .option(
      '--retries <n>',
      `wait for servers that are served again, for so many tries (default: ${upstreamRetries}, and 0 for the first connection)`,
      parseRetries,
    )
    .addOption(modeOption())
    .addOption(silenceOption())
    .option('--context <name>', 'offer this metadata context of such a server, too, if it has it (repeatable)', gather);
  return addGroup(addNoHangup(upstream, context), serverTlsOptions()).option(
    '-v, --verbose',
    'say more about errors, and about clients that are turned away or cut off',
  );
}
