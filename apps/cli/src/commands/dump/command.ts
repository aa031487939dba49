/** The command line of `nbd dump`. */

import { imageOptions } from '../../images/options.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { rangeOptions } from '../../options/range.ts';
import { serverOptions } from '../../options/server.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type DumpOptions = OptionsOf<typeof declareDump>;

export function declareDump(context: CommandContext) {
  const command = beginCommand(context, 'dump', 'dump an export or a disk image as hexadecimal digits', usage).argument(
    '<source>',
    'an NBD URI, [ COMMAND ARGUMENTS ], or a file, such as a disk image',
    (word: string) => parseReadable(word, context.brackets),
  );
  return addGroups(
    command,
    rangeOptions(),
    imageOptions('a file'),
    colourOptions(),
    serverOptions(),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}
