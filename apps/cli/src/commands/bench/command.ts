/** The command line of `nbd bench`. Some options have the other spellings of `qemu-img bench`. */
import { Option } from '@commander-js/extra-typings';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseServer, type ServerOperand } from '../../options/operand.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { rangeOptions } from '../../options/range.ts';
import { serverOptions } from '../../options/server.ts';
import { count, size } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { parseDuration, parsePattern, parseRate, parseShare, parseSizes } from './amounts.ts';
import { usage } from './usage.ts';

export type BenchOptions = OptionsOf<typeof declareBench>;

export function declareBench(context: CommandContext) {
  const operand = (word: string, before: readonly ServerOperand[] = []) => [
    ...before,
    parseServer(word, context.brackets),
  ];
  const command = beginCommand(
    context,
    'bench',
    'measure how many requests servers answer, and how quickly',
    usage,
  ).argument('<server...>', 'NBD URIs, or [ COMMAND ARGUMENTS ]; with several, they take turns', operand);
  return addGroups(
    command,
    requestOptions(),
    limitOptions(),
    rangeOptions(),
    resultOptions(),
    colourOptions(),
    serverOptions(),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}

/** What is asked of the servers. */
function requestOptions() {
  return optionGroup()
    .option(
      '--read <share>',
      'reads among the requests, such as 70%; the rest is writes, which destroy',
      parseShare('--read'),
    )
    .option('-w, --write', 'nothing but writes: --read 0%')
    .option('--trim <share>', 'trims among the requests', parseShare('--trim'))
    .option('--zero <share>', 'requests to zero a range', parseShare('--zero'))
    .option('-s, --size <n>', 'length of a request, or of requests of mixed lengths: 4k-64k (default: 4k)', parseSizes)
    .addOption(alias('-s, --size <n>', '--buffer-size <n>').argParser(parseSizes))
    .option(
      '--pattern <how>',
      'sequential, zipf (few places often; zipf:1.2 with its exponent) or random (default: random)',
      parsePattern,
    )
    .option('-d, --depth <n>', 'requests in flight at a time', count('--depth', 1, 65_536), 32)
    .option(
      '-C, --connections <n>',
      'connections to each server, if it allows several',
      count('--connections', 1, 64),
      1,
    )
    .option('--flush-every <n>', 'a flush after so many writes', count('--flush-every', 1, 1_000_000_000))
    .addOption(
      alias('--flush-every <n>', '--flush-interval <n>').argParser(count('--flush-interval', 1, 1_000_000_000)),
    )
    .option('--fua', 'writes are on stable storage before they are answered')
    .option('--verify', 'check what is read of what was written, and all of it at the end')
    .option('--seed <n>', 'the same seed makes the same requests', count('--seed', 0, 2 ** 32 - 1), 1)
    .option('-y, --yes', 'do not ask before something is overwritten');
}

/** How long it takes. */
function limitOptions() {
  return optionGroup()
    .option(
      '-t, --time <span>',
      'how long: 10s, 500ms, 2m (default: 10s, if neither --count nor --bytes is given)',
      parseDuration('--time', 1),
    )
    .option('-c, --count <n>', 'so many requests', count('--count', 1, 1e15))
    .option('--bytes <n>', 'so many bytes', size('--bytes'))
    .option('--rate <n>', 'requests per second that are begun, whether or not earlier ones are answered', parseRate)
    .option(
      '--warm-up <span>',
      'how long requests are made before it is measured (default: 500ms)',
      parseDuration('--warm-up'),
    )
    .option(
      '--rounds <n>',
      'turns of each server (default: 3 with several servers, else 1)',
      count('--rounds', 1, 1000),
    );
}

/** What is printed. */
function resultOptions() {
  return optionGroup()
    .option('--json', 'print JSON')
    .option('--no-picture', 'no picture of the latencies')
    .addOption(
      new Option(
        '--progress <how>',
        'show figures every second: bar (a line), json or json:FD (default: a line on a terminal)',
      ),
    )
    .option('-q, --quiet', 'show nothing while it runs');
}
