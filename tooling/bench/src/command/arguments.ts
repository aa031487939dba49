/** The options of `pnpm bench`. */
import { parseArgs } from 'node:util';

export interface BenchArguments {
  /** Names of parts or beginnings of cells' names; empty for everything. */
  readonly parts: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly json: string | undefined;
  readonly chart: string | undefined;
  readonly isWritingPage: boolean;
  readonly isList: boolean;
  readonly isHelp: boolean;
  readonly isPinned: boolean;
  readonly isCountingCalls: boolean;
}

export const help = `Measures nbdjs and other NBD software in turns, in one run.

  pnpm bench [options]

  --parts a,b        only these parts, or cells whose names begin so
  --rounds N         runs of each candidate (default: 5)
  --seconds S        length of a run of requests (default: 3)
  --json FILE        write all that was measured to this file
  --chart FILE.svg   draw the ratios into this file
  --write-page       put table and chart into docs/performance.md
  --no-pinning       let the system choose the processors
  --no-calls         do not count system calls, which takes runs of its own
  --list             print the parts and their cells, measure nothing
`;

/** @throws Error when an option is unknown, or a number is none */
export function parseArguments(args: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      parts: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      json: { type: 'string' },
      chart: { type: 'string' },
      'write-page': { type: 'boolean', default: false },
      'no-pinning': { type: 'boolean', default: false },
      'no-calls': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    parts: values.parts?.split(',').filter((name) => name !== '') ?? [],
    rounds: wholeNumber('--rounds', values.rounds),
    seconds: positiveNumber('--seconds', values.seconds),
    json: values.json,
    chart: values.chart,
    isWritingPage: values['write-page'],
    isList: values.list,
    isHelp: values.help,
    isPinned: !values['no-pinning'],
    isCountingCalls: !values['no-calls'],
  };
}

function positiveNumber(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`${name}: a number above 0 was expected, got '${text}'`);
  return value;
}

function wholeNumber(name: string, text: string): number {
  const value = positiveNumber(name, text);
  if (!Number.isInteger(value)) throw new Error(`${name}: a whole number was expected, got '${text}'`);
  return value;
}
