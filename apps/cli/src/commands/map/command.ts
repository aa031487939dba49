/** The command line of `nbd map`. Some options have the other spellings of `qemu-img map`. */
import { imageOptions } from '../../images/options.ts';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { rangeOptions } from '../../options/range.ts';
import { serverOptions } from '../../options/server.ts';
import { gather, parseSeconds, size } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type MapOptions = OptionsOf<typeof declareMap>;

export function declareMap(context: CommandContext) {
  const operand = (word: string) => parseReadable(word, context.brackets);
  const command = beginCommand(context, 'map', 'show which parts of a device hold data, as a picture or a list', usage)
    .argument('<device>', 'an NBD URI, [ COMMAND ARGUMENTS ], a block device, or a file, such as a disk image', operand)
    .option('--context <name>', 'the metadata context (repeatable; default: base:allocation)', gather)
    .option('--list', 'print one line for each extent')
    .option('--totals', 'add up what has one status')
    .option('--json', 'print JSON: the extents, with --totals the sums, with --watch the changes')
    .option('--svg <file>', 'write the picture to this file, as SVG (-: standard output)')
    .option(
      '--watch <seconds>',
      'look again and again, so often, and show what has changed (--watch alone: every 2 seconds)',
      parseSeconds('--watch', 0.1, 86_400),
    );
  return addGroups(
    command,
    rangeOptions(),
    spellingsOfQemu(),
    imageOptions('a file'),
    colourOptions(),
    serverOptions(),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}

function spellingsOfQemu() {
  return optionGroup()
    .addOption(alias('--offset <n>', '--start-offset <n>').argParser(size('--start-offset')))
    .addOption(alias('--length <n>', '--max-length <n>').argParser(size('--max-length')));
}
