/** The command line of `nbd copy`. Options are nbdcopy's, and more. */
import { Option } from '@commander-js/extra-typings';
import { imageOptions } from '../../images/options.ts';
import { objectSizeOption, writerOptions } from '../../objects/options.ts';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addNoHangup } from '../../options/hangup.ts';
import { parseOperand } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { rangeOptions } from '../../options/range.ts';
import { serverOptions } from '../../options/server.ts';
import { count } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { destinationFormats, parseDestinationFormat } from './destination-format.ts';
import { loadOptions } from './load-options.ts';
import { qcow2Options } from './qcow2-options.ts';
import { usage } from './usage.ts';

export type CopyOptions = OptionsOf<typeof declareCopy>;

export function declareCopy(context: CommandContext) {
  const operand = (word: string) => parseOperand(word, context.brackets);
  const command = beginCommand(
    context,
    'copy',
    'copy from and to NBD servers, files, and standard input and output',
    usage,
  )
    .argument(
      '<source>',
      'an NBD URI, [ COMMAND ], a file or block device, folder:PATH#DISK, or - for standard input',
      operand,
    )
    .argument('<destination>', 'the same, with - for standard output, or null:', operand)
    .option('--allocated', 'leave no holes in the destination')
    .option(
      '-C, --connections <n>',
      'connections to each server, if both sides allow several (default: 4, or one for each processor by Unix sockets)',
      count('--connections', 1, 64),
    )
    .option('--destination-is-zero', 'the destination reads as zeroes already')
    .addOption(alias('--destination-is-zero', '--target-is-zero'))
    .option(
      '--destination-format <format>',
      `the format of the destination: ${destinationFormats.join(', ')} (default: what the name of a file says)`,
      parseDestinationFormat,
    )
    .option('--flush', 'flush the destination at the end')
    .option('--no-extents', 'do not ask the source for its block map')
    .option(
      '--progress <how>',
      'show progress: bar, json, json:FD, or a descriptor for N/100 lines (alone, or as -p: a bar)',
    )
    .option(
      '--changed <context>',
      'copy only what this metadata context of the source marks, such as qemu:dirty-bitmap:NAME, into an earlier copy or a file of changes',
    )
    .option(
      '--after <file>',
      'of a file of changes: it follows this one, or the copy with this state; with --apply, the copy holds this one',
    )
    .option('--apply', 'the source is a file of changes: put them onto the destination, which holds the backup before')
    .option('--state <file>', 'note in this file which backup the destination holds, and apply changes only in order')
    .option('--checkpoint <file>', 'save in this file how far the copy has come, and go on from there')
    .option('--json', 'print a report as JSON when all is copied')
    .option('--verify', 'compare when all is copied')
    .addOption(new Option('--blkhash [how]').hideHelp())
    .addOption(new Option('--blkhash-file <file>').hideHelp());
  const connecting = addGroups(
    command,
    loadOptions(),
    rangeOptions(),
    imageOptions('the source, if it is a file'),
    objectSizeOption(),
    writerOptions(),
    colourOptions(),
    serverOptions('repeat requests that fail, at most so often, and wait for servers'),
  );
  return addGroups(addNoHangup(connecting, context), qcow2Options(), webClientOptions(), clientTlsOptions())
    .option('-q, --quiet', 'print nothing but errors')
    .option('-v, --verbose', 'show what is copied, and how');
}
