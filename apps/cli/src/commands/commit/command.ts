/** The command line of `nbd commit`. */
import { chainOptions } from '../../images/options.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { usage } from './usage.ts';

export type CommitOptions = OptionsOf<typeof declareCommit>;

export function declareCommit(context: CommandContext) {
  const command = beginCommand(context, 'commit', 'write what a qcow2 image has changed into the image below', usage)
    .argument('<file>', 'a qcow2 image that no program has open')
    .option('-b, --base <file>', 'the image of the chain that gets it (default: the one right below); implies --keep')
    .option('-d, --keep', 'leave the image as it is: it is emptied otherwise');
  return addGroups(command, chainOptions()).option('-q, --quiet', 'print nothing but errors');
}
