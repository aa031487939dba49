/** The command line of `nbd zero`. Options are nbdzero's, and more. */
import { imageOptions } from '../../images/options.ts';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { erasingOptions } from '../../options/erasing.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { serverOptions } from '../../options/server.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type ZeroOptions = OptionsOf<typeof declareZero>;

export function declareZero(context: CommandContext) {
  const operand = (word: string) => parseReadable(word, context.brackets);
  const command = beginCommand(
    context,
    'zero',
    'make a server, a file or a block device, or a part of it, read as zeroes',
    usage,
  )
    .argument('<device>', 'an NBD URI, [ COMMAND ARGUMENTS ], a file or a block device', operand)
    .option('-c, --check', 'change nothing: exit with 0 if it is known to be zero, with 1 if not')
    .option('--fast', 'only where that is quicker than writing')
    .addOption(alias('--fast', '--fast-zero'))
    .option('--allocate', 'leave no holes');
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
