/**
 * The command line in a form that the option parser understands: commands in brackets are set aside, and options whose value is
 * only ever given with `=` are completed.
 */
import { argumentError } from '../errors/argument-error.ts';

/** The words of each command that stood in brackets. */
export type Brackets = readonly (readonly string[])[];

/** Stands for a command in brackets while options are parsed. No such word can come from a shell. */
const placeholder = '\0command ';

/** Options that may stand without a value, and the value that they have then. */
const bareValues: Readonly<Record<string, string>> = {
  '--map': 'base:allocation',
  '--progress': 'bar',
  '--blkhash': 'sha256',
  '--block-hash': 'sha256',
  '--watch': '2',
};

/** The same for short options, which differ between commands: the long option that they stand for. */
const bareLetters: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  copy: { '-p': '--progress' },
  compare: { '-p': '--progress' },
  discard: { '-p': '--progress' },
  hash: { '-p': '--progress' },
  zero: { '-p': '--progress' },
};

export interface PreparedArguments {
  readonly words: readonly string[];
  readonly brackets: Brackets;
}

/**
 * Takes `[ COMMAND ARGUMENTS ]` groups out, so that the options of COMMAND are not mistaken for ours, and gives options such as a
 * bare `--map` their value, so that they do not take the next word for it.
 */
export function prepareArguments(argv: readonly string[]): PreparedArguments {
  const words: string[] = [];
  const brackets: (readonly string[])[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '[') {
      const end = argv.indexOf(']', index);
      if (end < 0) throw argumentError("'[' has no closing ']' (a word by itself) after the command");
      words.push(`${placeholder}${brackets.length}`);
      brackets.push(argv.slice(index + 1, end));
      index = end;
    } else {
      const long = bareLetters[argv[0] ?? '']?.[word] ?? word;
      const bare = bareValues[long];
      words.push(bare === undefined ? word : `${long}=${bare}`);
    }
  }
  return { words, brackets };
}

/** Returns the words of the command that a placeholder stands for, or `undefined` for any other word. */
export function bracketedCommand(word: string, brackets: Brackets): readonly string[] | undefined {
  return word.startsWith(placeholder) ? brackets[Number(word.slice(placeholder.length))] : undefined;
}
