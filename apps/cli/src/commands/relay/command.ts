/** The command line of `nbd relay`. */
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { addGroups } from '../../options/option-group.ts';
import { count, gather } from '../../options/size.ts';
import { serverTlsOptions } from '../../options/tls.ts';
import { webPlace } from '../serve/web-place.ts';
import { usage } from './usage.ts';

export type RelayOptions = OptionsOf<typeof declareRelay>;

export function declareRelay(context: CommandContext) {
  const command = beginCommand(
    context,
    'relay',
    'serve what a page offers by WebSocket, or another server that connects to us',
    usage,
  )
    .argument('<[host:]port>', 'where pages connect to (host: 127.0.0.1)', webPlace('the place for pages'))
    .option('-k, --socket <path>', 'listen for NBD clients on a Unix socket')
    .option('-b, --bind <address>', "listen for them on this address, '*' for all (default: 127.0.0.1)")
    .option(
      '-p, --port <n>',
      'listen for them on this TCP port, 0 for any free one (default: 10809)',
      count('--port', 0, 65_535),
    )
    .option('--print-uri', 'print the URI for NBD clients on standard output when the relay listens')
    .option('-q, --quiet', 'do not print where the relay listens, and when pages come and go')
    .option('-x, --export-name <name>', 'name of the export, for clients and on the page (default: the empty one)')
    .option('-r, --read-only', 'refuse to write')
    .option(
      '--wait <s>',
      'seconds that clients wait while no page is there, then they get errors (default: 30)',
      count('--wait', 1, 86_400),
      30,
    )
    .option('--web-path <path>', 'the path that pages ask for (default: /)')
    .option('--web-token-file <file>', 'pages need a token of this file, which has one in each line')
    .option(
      '--web-origin <origin>',
      "pages of this origin may connect, such as https://example.org; '*' for all (repeatable)",
      gather,
    );
  return addGroups(addNoHangup(command, context), serverTlsOptions()).option(
    '-v, --verbose',
    'print more about errors, and about clients that are refused or disconnected',
  );
}
