/** The command line of `nbd rebase`. */
import { chainOptions } from '../../images/options.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { mayBeEmpty } from '../../options/named-files.ts';
import { addGroups } from '../../options/option-group.ts';
import { usage } from './usage.ts';

export type RebaseOptions = OptionsOf<typeof declareRebase>;

export function declareRebase(context: CommandContext) {
  const command = beginCommand(context, 'rebase', 'put a qcow2 image over another image, or over none', usage)
    .argument('<file>', 'a qcow2 image that no program has open')
    .requiredOption(
      '-b, --backing <file>',
      "the new image below, from the folder of the image; '' for none",
      mayBeEmpty,
    )
    .option(
      '-F, --backing-format <format>',
      'the format of the image below, such as qcow2 or raw (default: what its name says)',
    )
    .option('-u, --unsafe', 'only write the new name into the image: for images below that were moved or renamed');
  return addGroups(command, chainOptions()).option('-q, --quiet', 'print nothing but errors');
}
