/**
 * Command lines in the form that the option parser understands: bracketed commands set aside, and options whose value is
 * only ever given with `=` completed.
 */
import { UsageError } from '@nbdjs/interfaces';

/** Stands for a bracketed command while options are parsed; no such word can come from a shell. */
const placeholder = '\0command ';

/** Options that may stand without a value, and what they mean then. */
const bareValues: Readonly<Record<string, string>> = {
  '--map': 'base:allocation',
  '--progress': 'bar',
  '--blkhash': 'sha256',
};

/** The same for letters, which mean different things in different commands. */
const bareLetters: Readonly<Record<string, Readonly<Record<string, string>>>> = { copy: { '-p': '--progress' } };

/** What is left of a command line, and the words in brackets that were taken out of it. */
export interface Words {
  readonly words: readonly string[];
  readonly brackets: readonly (readonly string[])[];
}

/**
 * Takes `[ CMD ARGS ]` groups out, so that the options of CMD are not mistaken for ours, and gives bare `--map` and
 * `--progress` their default value, so that they do not swallow the word behind them.
 */
export function prepareWords(argv: readonly string[]): Words {
  const words: string[] = [];
  const brackets: (readonly string[])[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '[') {
      const end = argv.indexOf(']', index);
      if (end < 0)
        throw new UsageError('ERR_NBD_ARGUMENT', "'[' has no closing ']' (a word by itself) behind the command");
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

/** Gives the bracketed words behind a placeholder, or nothing for any other word. */
export function bracketed(word: string, brackets: Words['brackets']): readonly string[] | undefined {
  return word.startsWith(placeholder) ? brackets[Number(word.slice(placeholder.length))] : undefined;
}
