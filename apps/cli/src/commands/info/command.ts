/** The command line of `nbd info`. Options are nbdinfo's, and more. */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { imageOptions } from '../../images/options.ts';
import { alias } from '../../options/alias.ts';
import { colourOptions } from '../../options/colour.ts';
import { beginCommand, type CommandContext, type OptionsOf } from '../../options/command-context.ts';
import { parseReadable } from '../../options/operand.ts';
import { addGroups } from '../../options/option-group.ts';
import { addOptionTable, type OptionRow } from '../../options/option-table.ts';
import { serverOptions } from '../../options/server.ts';
import { clientTlsOptions } from '../../options/tls.ts';
import { webClientOptions } from '../../options/web.ts';
import { usage } from './usage.ts';

export type InfoOptions = OptionsOf<typeof declareInfo>;

/** A question for `--can` or another spelling. */
interface FeatureQuestion {
  readonly feature: string;
  readonly isNegated: boolean;
}

/** By the spelling that was used. */
type FeatureQuestions = Readonly<Record<string, FeatureQuestion>>;

/** The first spelling is in the list of options, those of `mentioned` are named below it, and the others are hidden. */
const positive = ['--can', '--is', '--has', '--have'];
const negative = [
  ...['--cannot', '--can-not', '--cant'],
  ...['--isnt', '--is-not', '--isnot'],
  ...['--hasnt', '--has-not', '--hasnot'],
  ...['--havent', '--have-not', '--havenot'],
];
const mentioned: ReadonlySet<string> = new Set(['--can', '--is', '--has', '--cannot', '--isnt', '--hasnt']);

export function declareInfo(context: CommandContext) {
  const command = beginCommand(context, 'info', 'show what a server and its exports, or a disk image, are like', usage)
    .argument('<source>', 'an NBD URI, [ COMMAND ARGUMENTS ], or a file, such as a disk image', (word: string) =>
      parseReadable(word, context.brackets),
    )
    .option('--json', 'print JSON')
    .option('--size', "print the export's size in bytes")
    .option('--uri', "print the export's URI in canonical form")
    .option('--map <context>', 'print the block map (--map alone: of base:allocation)')
    .option('--totals', 'with --map, add up what is of one kind')
    .option('-L, --list', 'show all exports of the server')
    .option('--content', 'look at the first bytes with file(1)')
    .option('--no-content', 'do not')
    .addOption(alias('--totals', '--total'));
  const connecting = addGroups(
    command,
    imageOptions('a file'),
    colourOptions(),
    serverOptions(),
    webClientOptions(),
    clientTlsOptions(),
  ).option('-v, --verbose', 'print more about errors');
  return addFeatureOptions(connecting);
}

function addFeatureOptions<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) {
  const rows = [
    ...positive.map((flag) => featureRow(flag, 'exit with 0 if so, 2 if not', false)),
    ...negative.map((flag) => featureRow(flag, 'exit with 2 if so, 0 if not', true)),
  ];
  return addOptionTable(command, 'features', rows);
}

function featureRow(flag: string, meaning: string, isNegated: boolean): OptionRow<FeatureQuestions> {
  return {
    flags: `${flag} <feature>`,
    help: mentioned.has(flag) ? meaning : '',
    isHidden: flag !== positive[0] && flag !== negative[0],
    collect: (feature, before) => ({ ...before, [flag]: { feature, isNegated } }),
  };
}
