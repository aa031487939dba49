/** The command line of `nbd compare`. Exit codes and `-s` are those of `qemu-img compare`. */
import { formatOption, imageOptions, takingFormat } from '../../images/options.ts';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseOperand } from '../../options/operand.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { rangeOptions } from '../../options/range.ts';
import { readingOptions } from '../../options/reading.ts';
import { serverOptions } from '../../options/server.ts';
import { sizeBetween } from '../../options/size.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type CompareOptions = OptionsOf<typeof declareCompare>;

export function declareCompare(context: CommandContext) {
  const operand = (word: string) => parseOperand(word, context.brackets);
  const command = beginCommand(context, 'compare', 'compare the content of two servers, files or block devices', usage)
    .argument('<first>', 'an NBD URI, [ COMMAND ARGUMENTS ], a block device, or a file, such as a disk image', operand)
    .argument('<second>', 'the same', operand)
    .option('--all', 'list all parts that differ, and not only the first byte that does')
    .option(
      '--gap <n>',
      'with --all, differences with fewer equal bytes between them are one part',
      sizeBetween('--gap', 512, 32 * 2 ** 20),
      4096,
    )
    .option('--json', 'print JSON')
    .option('-s, --strict', 'the sizes have to be equal, and what is allocated');
  return addGroups(
    command,
    readingOptions(),
    imageOptions('files'),
    formatOptions(),
    rangeOptions(),
    colourOptions(),
    serverOptions('repeat requests that fail, at most so often, and wait for servers'),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
}

/** The formats of one file each, with the spellings of `qemu-img compare`. */
function formatOptions() {
  return optionGroup()
    .addOption(formatOption('-f, --first-format <format>', 'the format of the first file alone'))
    .addOption(formatOption('-F, --second-format <format>', 'the format of the second file alone'))
    .addOption(takingFormat(alias('--first-format <format>', '--a-format <format>')))
    .addOption(takingFormat(alias('--second-format <format>', '--b-format <format>')));
}
