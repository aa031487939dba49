/** The command line of `nbd detach`. */
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { count } from '../../options/size.ts';
import { viaOption } from '../attach/command.ts';
import { usage } from './usage.ts';

/** `timeout` is in seconds. */
export type DetachCommandOptions = OptionsOf<typeof declareDetach>;

export function declareDetach(context: CommandContext) {
  return beginCommand(context, 'detach', 'detach block devices of Linux, /dev/nbdN, from their servers', usage)
    .argument('[devices...]', 'such as /dev/nbd0')
    .option('-a, --all', 'all devices that are attached')
    .option('-f, --force', 'also one that is in use, and without writing what the kernel has in memory')
    .option(
      '-t, --timeout <seconds>',
      'how long writing may take (default: as long as the server takes)',
      count('--timeout', 1, 31_536_000),
    )
    .addOption(viaOption())
    .option('-v, --verbose', 'print more about errors');
}
