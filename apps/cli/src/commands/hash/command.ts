/** The command line of `nbd hash`. */

import { imageOptions } from '../../images/options.ts';
import { RedirectedOption } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseOperand } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { rangeOptions } from '../../options/range.ts';
import { readingOptions } from '../../options/reading.ts';
import { serverOptions } from '../../options/server.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type HashOptions = OptionsOf<typeof declareHash>;

export function declareHash(context: CommandContext) {
  const operand = (word: string) => parseOperand(word, context.brackets);
  const command = beginCommand(
    context,
    'hash',
    'compute a hash of the content of a server, a block device, or a file, such as a disk image',
    usage,
  )
    .argument('<device>', 'an NBD URI, [ COMMAND ARGUMENTS ], a block device, or a file, such as a disk image', operand)
    .option('-a, --algorithm <name>', 'sha256, sha512, sha1, md5, or another one that Node has', 'sha256')
    .option(
      '--block-hash <how>',
      'hash blocks and then their hashes, as nbdcopy --blkhash does: ALGORITHM or ALGORITHM/SIZE (alone: sha256/64k)',
    )
    .addOption(new RedirectedOption('--blkhash <how>', '', 'blockHash').hideHelp())
    .option('--json', 'print JSON');
  return addGroups(
    command,
    readingOptions(),
    imageOptions('files'),
    rangeOptions(),
    colourOptions(),
    serverOptions('repeat requests that fail, at most so often, and wait for servers'),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}
