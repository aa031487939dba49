/** The command line of `nbd check-image`. */
import { Option } from '@commander-js/extra-typings';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { usage } from './usage.ts';

export type CheckImageOptions = OptionsOf<typeof declareCheckImage>;

export function declareCheckImage(context: CommandContext) {
  const command = beginCommand(
    context,
    'check-image',
    'check whether a qcow2 image is consistent, and repair it',
    usage,
  )
    .argument('<file>', 'a qcow2 image that no program has open')
    .addOption(
      new Option(
        '--repair <what>',
        'leaks: give back storage that nothing uses; all: make refcounts and marks right, too (the content is never changed)',
      ).choices(['leaks', 'all'] as const),
    )
    .option('--json', 'print it as JSON, with the keys of qemu-img check');
  return addGroups(command, colourOptions()).option('-q, --quiet', 'print nothing but errors');
}
