/** The command line of `nbd shell`. Options are nbdsh's, and more. */
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { mayBeEmpty } from '../../options/named-files.ts';
import { parseServer } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { serverOptions } from '../../options/server.ts';
import { gather } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type ShellOptions = OptionsOf<typeof declareShell>;

export function declareShell(context: CommandContext) {
  const server = (word: string) => parseServer(word, context.brackets);
  const command = beginCommand(
    context,
    'shell',
    'try out servers in JavaScript: a prompt, lines of code, or scripts',
    usage,
  )
    .argument('[file...]', 'scripts (modules) to run, one after the other; - for standard input')
    .option('-u, --uri <server>', 'connect to this server first: an NBD URI, or [ COMMAND ARGUMENTS ]', server)
    .option('-c, --command <code>', 'run this code and end (repeatable, in order; - for standard input)', gather)
    .option('-n, --no-open', 'with -u: do not connect; the server is there as uri')
    .option('--no-checks', 'send what the client would refuse by itself, such as requests beyond the end')
    .option('--option-mode', 'stop before an export is opened: negotiation has the options, and go() opens one')
    .addOption(alias('--option-mode', '--opt-mode'))
    .addOption(alias('--option-mode', '--opt'))
    .option('--history <file>', 'where the lines of the prompt are kept; empty for nowhere', mayBeEmpty);
  return addGroups(command, colourOptions(), serverOptions(), webClientOptions(), clientTlsOptions()).option(
    '-v, --verbose',
    'print more about errors',
  );
}
