/** The command line of `nbd manual`. */
import { Option } from '@commander-js/extra-typings';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { usage } from './usage.ts';

export type ManualOptions = OptionsOf<typeof declareManual>;

export function declareManual(context: CommandContext) {
  return beginCommand(context, 'manual', 'print the manual page of a command, or write all pages', usage)
    .argument('[command...]', 'the words of the command, such as copy or objects create (default: nbd itself)')
    .addOption(
      new Option('--format <format>', 'the form of the page')
        .choices(['text', 'man', 'markdown', 'json'] as const)
        .default('text' as const),
    )
    .option('--directory <folder>', 'write all pages as files in this folder, which is made if it is not there');
}
