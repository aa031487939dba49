/** The command line of `nbd serve`. */
import { Option } from '@commander-js/extra-typings';
import { imageOptions } from '../../images/options.ts';
import { servedDiskOptions } from '../../objects/options.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { parseOperand } from '../../options/operand.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { upstreamOptions } from '../../options/server.ts';
import { count, gather, size } from '../../options/size.ts';
import { parseThreads } from '../../options/threads.ts';
import { serverTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { addLimits } from './limits.ts';
import { parseSource, type Source } from './source.ts';
import { usage } from './usage.ts';
import { webPlace } from './web-place.ts';

export type ServeOptions = OptionsOf<typeof declareServe>;

export function declareServe(context: CommandContext) {
  const parse = (word: string) => parseOperand(word, context.brackets);
  const command = beginCommand(context, 'serve', 'serve files, memory or other servers', usage)
    .argument(
      '<source...>',
      'FILE, memory:SIZE, folder:PATH#DISK, s3://BUCKET/DISK, an NBD URI or [ COMMAND ARGUMENTS ]; NAME=SOURCE gives the export a name',
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
    .option('--print-uri', 'print the URI on standard output when the server listens')
    .option('-q, --quiet', 'do not print where the server listens')
    .option('-x, --export-name <name>', 'name of the only export')
    .option('-D, --description <text>', 'description of the exports')
    .option('-r, --read-only', 'refuse to write')
    .option('--resizable', 'let clients change the size, by the resize extension (nbd resize)')
    .addOption(new Option('-t, --persistent', 'go on when the last client has left (default)').default(true).hideHelp())
    .option('--no-persistent', 'exit when the last client has left')
    .option(
      '--allow <client>',
      'accept only such clients: ADDRESS[/BITS], uid:N, gid:N, user:NAME (repeatable)',
      gather,
    )
    .option('--deny <client>', 'refuse such clients (repeatable)', gather)
    .option('-o, --offset <n>', 'begin the export at this byte of the source', size('--offset'))
    .option('-A, --allocation-depth', 'offer the context qemu:allocation-depth')
    .option('--snapshot', 'keep writes in memory, and discard them at the end')
    .option('--refuse-unaligned', 'refuse unaligned requests also of clients that have not asked for block sizes')
    .option('--pid-file <path>', 'write the process id to this file when the server listens')
    .option('--oldstyle', 'use the oldstyle handshake: the default export, simple replies, no TLS')
    .option(
      '--threads <n>',
      "threads for the sessions of clients, each with the files open for itself; 'auto': as many as processors, where possible (default: 1)",
      parseThreads,
    )
    .option('-s, --stdio', 'serve one client on standard input and output');
  const sourced = addGroups(
    command,
    holeOptions(),
    backgroundOptions(),
    imageOptions('the files'),
    servedDiskOptions(),
  );
  const upstream = addGroups(addLimits(addGroups(sourced, webOptions())), upstreamOptions('as a proxy, ')).option(
    '--context <name>',
    'as a proxy, offer this metadata context, too, if the server has it (repeatable)',
    gather,
  );
  const listening = addGroups(addNoHangup(upstream, context), serverTlsOptions());
  return addGroups(listening, webClientOptions()).option(
    '-v, --verbose',
    'print more about errors, and about clients that are refused or disconnected',
  );
}

/** What becomes a hole, in the words of qemu-nbd. */
function holeOptions() {
  return optionGroup()
    .addOption(
      new Option(
        '--discard <mode>',
        'whether trims and zeroing make holes in the files: unmap, or ignore (default: unmap)',
      ).choices(['unmap', 'ignore'] as const),
    )
    .addOption(
      new Option(
        '--detect-zeroes <mode>',
        'zero what clients write as zeroes: off, on (it stays allocated) or unmap (it becomes a hole) (default: off)',
      ).choices(['off', 'on', 'unmap'] as const),
    );
}

function backgroundOptions() {
  return optionGroup()
    .option('--fork', 'go on in the background, and return when the server listens')
    .addOption(new Option('--ready-descriptor <n>').argParser(count('--ready-descriptor', 3, 1_000_000)).hideHelp());
}

/** Options for clients by WebSocket and HTTP Upgrade. */
function webOptions() {
  return optionGroup()
    .option(
      '--web <[host:]port>',
      'serve clients by WebSocket and HTTP Upgrade at this place instead (host: 127.0.0.1)',
      webPlace('--web'),
    )
    .option('--web-path <path>', 'with --web, the path that clients ask for (default: /)')
    .option('--web-token-file <file>', 'with --web, clients need a token of this file, which has one in each line')
    .option(
      '--web-origin <origin>',
      "with --web, pages of this origin may connect, such as https://example.org; '*' for all (repeatable)",
      gather,
    )
    .option(
      '--connect-to <url>',
      'connect to this WebSocket (ws, wss) or HTTP server and serve it as its server, as virtual media of OpenBMC wants',
    );
}
