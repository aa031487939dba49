/** The command line of `nbd create`. */
import { Option } from '@commander-js/extra-typings';
import { newImageOptions } from '../../images/new-image-options.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { parseSize } from '../../options/size.ts';
import { usage } from './usage.ts';

export type CreateOptions = OptionsOf<typeof declareCreate>;

export function declareCreate(context: CommandContext) {
  const command = beginCommand(context, 'create', 'create an empty disk: a qcow2 image, or a file of zeroes', usage)
    .argument('<file>', 'the file that is created')
    .argument('[size]', 'the size of the disk, such as 20G (default: that of the image below)', (word: string) =>
      parseSize(word, 'the size'),
    )
    .addOption(
      new Option('--format <format>', 'the format (default: what the name says, else raw)').choices([
        'qcow2',
        'raw',
      ] as const),
    )
    .option(
      '--backing <file>',
      'an image below, whose content shows until it is overwritten; from the folder of the new one',
    )
    .option(
      '--backing-format <format>',
      'the format of the image below, such as qcow2 or raw (default: what its name says)',
    )
    .option('--data-file <file>', 'keep the data in this file, which is created, too')
    .option('--raw-data-file', 'the data file is the disk as it is, for programs that know no qcow2');
  return addGroups(command, newImageOptions())
    .option('--lazy-refcounts', 'store refcounts late: quicker, and the image has to be repaired after a crash')
    .option('--force', 'replace a file that is there already')
    .option('--json', 'print what was created as JSON')
    .option('-q, --quiet', 'print nothing but errors');
}
