/** The command line of `nbd demo`. */
import { addColour } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';

export type DemoOptions = OptionsOf<typeof declareDemo>;

export function declareDemo(context: CommandContext) {
  return addColour(beginCommand(context, 'demo', 'serve and copy a small image, and show how'));
}
