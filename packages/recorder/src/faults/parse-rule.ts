/** Fault rules as text: words in any order, such as `read: 1%: delay 50ms`. */
import { systemErrorCodes, UsageError } from '@nbdjs/interfaces';
import { commands, isOptionError, optionReplies, options } from '@nbdjs/protocol';
import { parseRange, parseTime, parseWhole } from './quantities.ts';
import type { FaultAction, FaultPlace, FaultRule, OptionErrorName } from './rule.ts';

/** What a rule is while it is read. */
type Draft = { -readonly [Name in keyof FaultRule]?: FaultRule[Name] };

/** Takes the words that belong to a keyword. */
type Reader = (draft: Draft, words: Words) => void;

/** A word that stands for an `at`; others belong to what follows. */
const places: Readonly<Record<string, FaultPlace>> = {
  request: 'request',
  reply: 'reply',
  'mid-request': 'request',
  'mid-reply': 'reply',
};

/** Other names of commands. */
const commandAliases: Readonly<Record<string, string>> = { zero: 'WRITE_ZEROES', discard: 'TRIM', disconnect: 'DISC' };

const readers: Readonly<Record<string, Reader>> = {
  any: () => {},
  option: (draft, words) => {
    draft.option = words.hasNext(isOptionName)
      ? words.next('the name of an option').toUpperCase().replaceAll('-', '_')
      : '*';
  },
  offset: (draft, words) => {
    draft.offset = parseRange(words.next('a range such as 0..1M'));
  },
  length: (draft, words) => {
    draft.length = parseRange(words.next('a range such as 4k..64k'));
  },
  connection: (draft, words) => {
    draft.connection = parseWhole(words.next('the number of a connection'), 1);
  },
  after: (draft, words) => {
    draft.after = parseWhole(words.next('a number of requests'), 0);
    words.skip('request', 'requests');
  },
  every: (draft, words) => {
    draft.every = parseWhole(words.next('a number of requests'), 1);
    words.skip('request', 'requests');
  },
  first: (draft, words) => {
    draft.times = parseWhole(words.next('a number of times'), 1);
    words.skip('request', 'requests');
  },
  once: (draft) => {
    draft.times = 1;
  },
  delay: (draft, words) => {
    const before = place(words);
    const ms = parseTime(words.next('a time such as 50ms'));
    act(draft, { type: 'delay', at: before ?? place(words) ?? 'request', ms });
  },
  error: (draft, words) => act(draft, { type: 'error', error: errorIn(words.next('an error such as EIO')) }),
  drop: (draft, words) => act(draft, { type: 'drop', at: place(words) ?? 'request' }),
  cut: (draft, words) => act(draft, { type: 'cut', at: place(words) ?? 'request' }),
  disconnect: (draft, words) => act(draft, { type: 'disconnect', at: place(words) ?? 'request' }),
};

/** The words that a rule can begin with, for messages. */
const known = ['any', 'read', 'write', 'flush', 'trim', 'cache', 'zero', 'block-status'].concat(
  Object.keys(readers).slice(1),
  ['N%'],
);

/**
 * Reads a rule. Its words are those of docs/recordings.md, in any order; colons and commas may stand between them.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` that names the word that is wrong, and what was expected.
 */
export function parseFaultRule(text: string): FaultRule {
  const words = new Words(text);
  const draft: Draft = {};
  try {
    while (words.hasNext()) readWord(draft, words);
    const { action } = draft;
    if (action === undefined) throw new Error('it says nothing to be done: delay, error, drop, cut or disconnect');
    checkFit(draft, action);
    return { ...draft, action };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError('ERR_NBD_ARGUMENT', `the fault rule '${text}': ${why}`);
  }
}

function readWord(draft: Draft, words: Words): void {
  const word = words.next('a word');
  const read = Object.hasOwn(readers, word) ? readers[word] : undefined;
  if (read !== undefined) {
    read(draft, words);
    return;
  }
  if (/^\d+(\.\d+)?%$/.test(word)) {
    const percent = Number(word.slice(0, -1));
    if (percent > 100) throw new Error(`'${word}' is more than 100%`);
    draft.chance = percent / 100;
    return;
  }
  const command = commandAliases[word] ?? (commands.number(word) === undefined ? undefined : upper(word));
  if (command === undefined) throw new Error(`'${word}' is not known, expected one of ${known.join(', ')}`);
  draft.commands = [...(draft.commands ?? []), command];
}

function act(draft: Draft, action: FaultAction): void {
  if (draft.action !== undefined) throw new Error(`it has two actions, ${draft.action.type} and ${action.type}`);
  draft.action = action;
}

function checkFit({ commands: names, option }: Draft, action: FaultAction): void {
  if (option !== undefined && names !== undefined)
    throw new Error('it is about commands and options: two rules say that');
  if (action.type !== 'error') return;
  const isOfOptions = action.error.startsWith('ERR_');
  if (isOfOptions && option === undefined)
    throw new Error(`${action.error} is an error of options, expected one such as EIO`);
  if (!isOfOptions && option !== undefined)
    throw new Error(`${action.error} is an error of commands, expected one such as ERR_UNSUP`);
}

function place(words: Words): FaultPlace | undefined {
  return words.hasNext((word) => Object.hasOwn(places, word)) ? places[words.next('')] : undefined;
}

function errorIn(word: string): Extract<FaultAction, { type: 'error' }>['error'] {
  const name = upper(word);
  const number = optionReplies.number(name);
  if (number !== undefined && isOptionError(number)) return name as OptionErrorName;
  const code = systemErrorCodes.get(name);
  if (code === undefined) throw new Error(`'${word}' is no error, expected one such as EIO, ENOSPC or ERR_UNSUP`);
  return code;
}

const upper = (word: string): string => word.toUpperCase().replaceAll('-', '_');
const isOptionName = (word: string): boolean => options.number(word) !== undefined;

/** The words of a rule, one after the other. */
class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#words = text
      .toLowerCase()
      .split(/[\s:,]+/)
      .filter((word) => word !== '');
  }

  hasNext(fits: (word: string) => boolean = () => true): boolean {
    const word = this.#words[this.#at];
    return word !== undefined && fits(word);
  }

  next(expected: string): string {
    const word = this.#words[this.#at++];
    if (word !== undefined) return word;
    throw new Error(`it ends after '${this.#words.at(-1) ?? ''}', expected ${expected}`);
  }

  /** Leaves out a word that is only there for readers. */
  skip(...words: readonly string[]): void {
    if (this.hasNext((word) => words.includes(word))) this.#at++;
  }
}
