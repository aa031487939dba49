/** The command line of `nbd list`. */
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { usage } from './usage.ts';

export type ListCommandOptions = OptionsOf<typeof declareList>;

export function declareList(context: CommandContext) {
  return beginCommand(context, 'list', 'list the block devices of Linux, /dev/nbdN, that are attached', usage)
    .argument('[devices...]', 'only these, such as /dev/nbd0 (default: all)')
    .option('--json', 'print JSON')
    .option('-v, --verbose', 'print more about errors');
}
