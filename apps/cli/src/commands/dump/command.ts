/** The command line of `nbd dump`. */

import { imageOptions } from '../../images/options.ts';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroup } from '../../options/option-group.ts';
import { serverOptions } from '../../options/server.ts';
import { size } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';

export type DumpOptions = OptionsOf<typeof declareDump>;

export function declareDump(context: CommandContext) {
  const command = beginCommand(context, 'dump', 'dump an export or a disk image as hexadecimal digits')
    .argument('<source>', 'an NBD URI, [ COMMAND ARGUMENTS ], or a file, such as a disk image', (word: string) =>
      parseReadable(word, context.brackets),
    )
    .option('-n, --length <n>', 'at most this many bytes', size('--length'))
    .option('-o, --offset <n>', 'from this byte on', size('--offset'))
    .addOption(alias('--length <n>', '--limit <n>').argParser(size('--length')))
    .addOption(alias('--offset <n>', '--skip <n>').argParser(size('--offset')));
  return addGroup(
    addGroup(
      addGroup(addGroup(addGroup(command, imageOptions('a file')), colourOptions()), serverOptions()),
      webClientOptions(),
    ),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}
