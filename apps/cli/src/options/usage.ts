/** What help, manual and docs say of a command beside its arguments and options: examples, exit codes, and words about it. */
import type { Command, CommandUnknownOpts, OptionValues } from '@commander-js/extra-typings';

export interface Usage {
  /** Paragraphs for the manual; help is shorter without them. */
  readonly details: readonly string[];
  readonly examples: readonly Example[];
  /** Those that mean something else than for other commands. */
  readonly exitCodes?: ExitCodes | undefined;
  /** Lists that an option refers to. */
  readonly notes?: readonly Note[] | undefined;
}

export interface Example {
  readonly line: string;
  readonly what: string;
}

/** What each code means. */
type ExitCodes = Readonly<Record<number, string>>;

export interface Note {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Of all commands, where a command does not say otherwise. */
const generalExitCodes: ExitCodes = {
  0: 'done',
  1: 'failed, or the output could not be written; one line on standard error says what',
  129: 'ended by SIGHUP',
  130: 'ended by SIGINT (Ctrl-C)',
  141: 'the reader of the output is gone, as in nbd dump ... | head',
  143: 'ended by SIGTERM',
};

const usages = new WeakMap<object, Usage>();

/** Says how a command is used. Its help shows all of it but the details. */
export function explain<Arguments extends unknown[], Options extends OptionValues, Globals extends OptionValues>(
  command: Command<Arguments, Options, Globals>,
  usage: Usage,
): Command<Arguments, Options, Globals> {
  usages.set(command, usage);
  return command.addHelpText('after', () => helpText(usage));
}

/** `undefined` for a command that nothing was said about. */
export function usageOf(command: CommandUnknownOpts): Usage | undefined {
  return usages.get(command);
}

/** All exit codes of a command, in order. */
export function exitCodesOf(usage: Usage | undefined): readonly (readonly [code: number, meaning: string])[] {
  // Keys of objects that are whole numbers are in ascending order.
  return Object.entries({ ...generalExitCodes, ...usage?.exitCodes }).map(([code, text]) => [Number(code), text]);
}

function helpText({ notes = [], examples, exitCodes = {} }: Usage): string {
  const width = Math.max(...examples.map(({ line }) => line.length));
  const sections = [
    ...notes,
    {
      title: examples.length === 1 ? 'Example' : 'Examples',
      lines: examples.map(({ line, what }) => exampleLine(line, what, Math.min(width, 56))),
    },
    {
      title: 'Exit codes',
      lines: Object.entries(exitCodes).map(([code, meaning]) => `${code.padEnd(3)} ${meaning}`),
    },
  ];
  return sections
    .filter(({ lines }) => lines.length > 0)
    .map(({ title, lines }) => `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`)
    .join('\n');
}

function exampleLine(line: string, what: string, width: number): string {
  return line.length > width ? `${line}\n${' '.repeat(width + 2)}  # ${what}` : `${line.padEnd(width)}  # ${what}`;
}
