/** The command line of `nbd resize`. */
import { argumentError } from '../../errors/argument-error.ts';
import { imageOptions } from '../../images/options.ts';
import { writerOptions } from '../../objects/options.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { serverOptions } from '../../options/server.ts';
import { parseSize } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type ResizeOptions = OptionsOf<typeof declareResize>;

/** The size that a disk is to have, in bytes. */
export interface WantedSize {
  readonly bytes: bigint;
  /** It is added to the present one. */
  readonly isMore: boolean;
}

export function declareResize(context: CommandContext) {
  const operand = (word: string) => parseReadable(word, context.brackets);
  const command = beginCommand(
    context,
    'resize',
    'give a server, an image, a file or a disk in a store another size',
    usage,
  )
    .argument(
      '<device>',
      'an NBD URI, [ COMMAND ARGUMENTS ], a file, a qcow2 image, folder:PATH#DISK or s3://BUCKET/DISK',
      operand,
    )
    .argument('<size>', 'such as 10G, or +10G for so much more', parseWantedSize)
    .option('-y, --yes', 'do not ask before it is made shorter')
    .option('--json', 'print the size before and after as JSON');
  return addGroups(
    command,
    imageOptions('a file'),
    writerOptions(),
    colourOptions(),
    serverOptions(),
    webClientOptions(),
    clientTlsOptions(),
  )
    .option('-q, --quiet', 'print nothing but errors')
    .option('-v, --verbose', 'print more about errors');
}

function parseWantedSize(word: string): WantedSize {
  if (word.startsWith('-')) {
    throw argumentError(`the size '${word}': say how long it is to be, such as 10G; +10G makes it longer`);
  }
  const isMore = word.startsWith('+');
  return { bytes: parseSize(isMore ? word.slice(1) : word, 'the size'), isMore };
}
