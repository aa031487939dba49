/** The command line of `nbd check`. */
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { count, gather } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type CheckOptions = OptionsOf<typeof declareCheck>;

export function declareCheck(context: CommandContext) {
  const command = beginCommand(context, 'check', 'examine how a server, or a client, keeps the rules of NBD', usage)
    .argument('[words...]', 'an NBD URI or [ COMMAND ARGUMENTS ]; with --client, the command of a client behind --')
    .option('--client', 'examine a client instead: its command is run against odd servers; {uri} stands for the server')
    .option('--list', 'list the rules, and examine nothing')
    .option('--only <rule>', 'examine a rule (S3/unknown-option), all of a number (S3) or a group (repeatable)', gather)
    .option('--destructive', 'also write, trim and zero: the content of the export is lost')
    .option('-y, --yes', 'do not ask before that')
    .option('--risky', 'also try what is known to bring servers down')
    .option('--timeout <seconds>', 'how long each answer of the server is waited for', count('--timeout', 1, 3600), 5)
    .option('--json', 'print JSON')
    .option('--junit <file>', 'also write a report for build servers');
  return addGroups(command, colourOptions(), webClientOptions(), clientTlsOptions()).option(
    '-v, --verbose',
    'also print the rules that are kept or not applicable, and more about errors',
  );
}
