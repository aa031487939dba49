/** The command line of `nbd demo`. */
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { addGroups } from '../../options/option-group.ts';
import { usage } from './usage.ts';

export type DemoOptions = OptionsOf<typeof declareDemo>;

export function declareDemo(context: CommandContext) {
  return addGroups(beginCommand(context, 'demo', 'serve and copy a small image, and show how', usage), colourOptions());
}
