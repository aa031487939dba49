/** The command line of `nbd discard`. Options are nbddiscard's. */
import { imageOptions } from '../../images/options.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { erasingOptions } from '../../options/erasing.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { serverOptions } from '../../options/server.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type DiscardOptions = OptionsOf<typeof declareDiscard>;

export function declareDiscard(context: CommandContext) {
  const operand = (word: string) => parseReadable(word, context.brackets);
  const summary = 'discard (trim) what a server, a file or a block device holds, or a part of it';
  const command = beginCommand(context, 'discard', summary, usage)
    .argument('<device>', 'an NBD URI, [ COMMAND ARGUMENTS ], a file or a block device', operand)
    .option('-c, --check', 'change nothing: exit with 0 if nothing is stored there, with 1 if something is');
  return addGroups(
    command,
    erasingOptions(),
    imageOptions('a file'),
    colourOptions(),
    serverOptions(),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}
