/** The command line of `nbd info`. */
import { UsageError } from '@nbdjs/interfaces';
import { type Command, Option } from 'commander';
import { featureNames } from '../commands/features.ts';
import type { Terminal } from '../terminal.ts';
import { addAliases } from './alias.ts';
import { addColours } from './colours.ts';
import { parseServer } from './operands.ts';
import { addServerWords, serverWords } from './server.ts';
import { addClientTls, tlsWords, withTls } from './tls.ts';
import type { Words } from './words.ts';

/** Beside `--can` and `--cannot`, those that the help names. */
const named = ['--is', '--has', '--isnt', '--hasnt'];

const positive = ['--can', '--is', '--has', '--have'];

const negative = [
  ...['--cannot', '--can-not', '--cant'],
  ...['--isnt', '--is-not', '--isnot'],
  ...['--hasnt', '--has-not', '--hasnot'],
  ...['--havent', '--have-not', '--havenot'],
];

export function addInfo(
  command: Command,
  brackets: Words['brackets'],
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  command
    .argument('<server>', 'an NBD URI, or [ COMMAND ARGUMENTS ]')
    .option('--json', 'print JSON')
    .option('--size', "print the export's size in bytes")
    .option('--uri', "print the export's URI in canonical form")
    .option('--map <context>', 'print the block map (--map alone: of base:allocation)')
    .option('--totals', 'with --map, add up what is of one kind')
    .option('-L, --list', 'show all exports of the server')
    .option('--content', 'look at the first bytes with file(1)')
    .option('--no-content', 'do not');
  addAliases(command, '--totals', '--total');
  addColours(command);
  addServerWords(command);
  addClientTls(command).option('-v, --verbose', 'say more about errors');
  const addFeature = (flag: string, main: string, meaning: string): void =>
    void command.addOption(
      new Option(`${flag} <feature>`, flag === main || named.includes(flag) ? meaning : '').hideHelp(flag !== main),
    );
  for (const flag of positive) addFeature(flag, '--can', 'exit with 0 if so, 2 if not');
  for (const flag of negative) addFeature(flag, '--cannot', 'exit with 2 if so, 0 if not');
  command.addHelpText(
    'after',
    `\nFeatures for --can (or --is, --has) and --cannot (or --isnt, --hasnt):\n  ${featureNames.join(' ')}`,
  );
  command.action(async (server: string, options: Record<string, unknown>) => {
    const operand = withTls(parseServer(server, brackets), tlsWords(options));
    const { info } = await import('../commands/info.ts');
    exit(
      await info(
        operand,
        {
          json: options.json === true,
          size: options.size === true,
          uri: options.uri === true,
          list: options.list === true,
          totals: options.totals === true,
          map: options.map as string | undefined,
          can: feature(options),
          content: command.getOptionValueSource('content') === 'cli' ? (options.content as boolean) : undefined,
          colour: options.color as boolean | undefined,
          ...serverWords(options),
        },
        terminal,
      ),
    );
  });
}

/** What is asked with `--can` and its kin. */
function feature(options: Readonly<Record<string, unknown>>) {
  const pick = (flags: readonly string[], negated: boolean) =>
    flags
      .map((flag) => options[camel(flag)])
      .filter((name) => typeof name === 'string')
      .map((name) => ({ feature: name, negated }));
  const [can, another] = [...pick(positive, false), ...pick(negative, true)];
  if (another === undefined) return can;
  throw new UsageError('ERR_NBD_ARGUMENT', 'only one feature can be asked about at a time');
}

function camel(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
