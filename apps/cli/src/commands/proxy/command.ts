/** The command line of `nbd proxy`. */
import { Option } from '@commander-js/extra-typings';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { addGroups } from '../../options/option-group.ts';
import { count, gather, sizeBetween } from '../../options/size.ts';
import { webClientOptions } from '../../options/web.ts';
import { parseUpstream } from './upstream-operand.ts';
import { usage } from './usage.ts';

export type ProxyCommandOptions = OptionsOf<typeof declareProxy>;

export function declareProxy(context: CommandContext) {
  const command = beginCommand(
    context,
    'proxy',
    'pass sessions on to a server, and print or record their messages',
    usage,
  )
    .argument('<server>', 'an NBD URI, or [ COMMAND ARGUMENTS ]', (word: string) => parseUpstream(word, context))
    .option('-k, --socket <path>', 'listen on a Unix socket')
    .option('-b, --bind <address>', "listen on this address, '*' for all (default: 127.0.0.1)")
    .option(
      '-p, --port <n>',
      'listen on this TCP port, 0 for any free one (default: 10809)',
      count('--port', 0, 65_535),
    )
    .option('--print-uri', 'print the URI for clients on standard output when the proxy listens')
    .option('-q, --quiet', 'print no messages, and not where the proxy listens')
    .option('--json', 'print messages as JSON, one object in each line')
    .option('--record <file>', 'record the messages in a file, instead of printing them')
    .option(
      '--record-max <size>',
      'the greatest length of the recording (default: no limit)',
      sizeBetween('--record-max', 262_144, Number.MAX_SAFE_INTEGER),
    )
    .addOption(
      new Option('--record-keep <which>', 'what is kept of a longer recording: its first or its last messages')
        .choices(['first', 'last'] as const)
        .default('last' as const),
    )
    .addOption(
      new Option(
        '--payload <how>',
        'what is kept of the data of reads and writes (default: its hash in recordings, else nothing)',
      ).choices(['none', 'hash', 'full'] as const),
    )
    .option('--fault <rule>', "what is done to messages, such as 'read: 1%: delay 50ms' (repeatable)", gather)
    .option('--seed <n>', 'where the chances of faults begin', count('--seed', 0, 2 ** 32 - 1), 1);
  return addGroups(addNoHangup(command, context), webClientOptions()).option(
    '-v, --verbose',
    'print more about errors',
  );
}
