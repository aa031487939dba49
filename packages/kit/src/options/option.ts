/** One option as data: its type, check, default, unit and text. See `defineOptions`. */
import { UsageError } from '@nbdjs/interfaces';
import { describeValue } from '../errors/describe-value.ts';
import { type NumberBounds, type NumberKind, numberCheck } from './number-check.ts';
import { type OptionCheck, optionChecks } from './option-checks.ts';

/** What the number of an option counts: milliseconds or bytes. */
export type OptionUnit = 'ms' | 'bytes';

/** What the makers of `option` have in common. */
export interface OptionText {
  /** One or more sentences for people. The unit and the meaning of zero are added to it where it is shown. */
  readonly doc: string;
  /** The default in words, where the value itself is not clear enough: a clock, or a value that depends on another option. */
  readonly defaultText?: string | undefined;
}

/** What the makers of numbers take: the text, and the bounds. */
export interface NumberText extends OptionText, NumberBounds {}

/** One option as documentation shows it. */
export interface OptionEntry extends OptionText {
  /** Its name in the options. */
  readonly name: string;
  /** Which maker of `option` it came from, such as `milliseconds`. */
  readonly kind: string;
  /** What its number counts; `undefined` for other values and for plain counts. */
  readonly unit: OptionUnit | undefined;
  /** What 0 means, where that is special. */
  readonly zero: string | undefined;
  /** Whether it has to be given. */
  readonly isRequired: boolean;
  /** The value when none is given. */
  readonly default: unknown;
  /** Completes the sentence "expected ...". */
  readonly expected: string;
  /** The options within the value, if it is a set of options itself. */
  readonly members: readonly OptionEntry[] | undefined;
}

/** An option whose value is `Given`; in the settings it is `Settled`. */
export interface Option<Given, Settled = Given | undefined, IsRequired extends boolean = false> extends OptionText {
  /** Which maker of `option` it came from, such as `milliseconds`. */
  readonly kind: string;
  /** What its number counts; `undefined` for other values and for plain counts. */
  readonly unit: OptionUnit | undefined;
  /** What 0 means, where that is special. */
  readonly zero: string | undefined;
  /** Whether it has to be given. */
  readonly isRequired: IsRequired;
  /** The value when none is given. */
  readonly default: Settled | undefined;
  /** Completes the sentence "expected ...". */
  readonly expected: string;
  /** The options within the value, if it is a set of options itself. */
  readonly members?: readonly OptionEntry[] | undefined;
  /**
   * Checks a value that was given.
   *
   * @param where names the option in the message
   * @throws UsageError `ERR_NBD_ARGUMENT`.
   */
  settle(where: string, given: Given): Settled;
}

/** The options of a set, for types that take any of them. */
// biome-ignore lint/suspicious/noExplicitAny: the types of single options differ, and `settle` makes `unknown` unfit
export type AnyOption = Option<any, any, boolean>;

/** An option with a default value, a required option, and one that may be left out: three return types. */
interface Maker<Given, Text extends OptionText = OptionText> {
  (text: Text & { readonly default: Given }): Option<Given, Given>;
  (text: Text & { readonly required: true }): Option<Given, Given, true>;
  (text: Text): Option<Given>;
}

interface GenericMaker<Bound> {
  <Given extends Bound>(text: OptionText & { readonly default: Given }): Option<Given, Given>;
  <Given extends Bound>(text: OptionText & { readonly required: true }): Option<Given, Given, true>;
  <Given extends Bound>(text: OptionText): Option<Given>;
}

/** `NoInfer`, which compilers have from TypeScript 5.4 on: the type is not found out from here. */
type Fixed<T> = [T][T extends unknown ? 0 : never];

interface CheckedMaker {
  <Given>(check: OptionCheck, text: OptionText & { readonly default: Fixed<Given> }): Option<Given, Given>;
  <Given>(check: OptionCheck, text: OptionText & { readonly required: true }): Option<Given, Given, true>;
  <Given>(check: OptionCheck, text: OptionText): Option<Given>;
}

interface WordMaker {
  <const Word extends string>(
    words: readonly Word[],
    text: OptionText & { readonly default: Fixed<Word> },
  ): Option<Word, Word>;
  <const Word extends string>(words: readonly Word[], text: OptionText): Option<Word>;
}

/** What the makers accept, whichever overload it came by. */
type AnyText = OptionText & Partial<NumberText> & { readonly default?: unknown; readonly required?: boolean };

// biome-ignore lint/suspicious/noExplicitAny: the makers' types say what comes out
type Callback = (...given: any[]) => unknown;

/**
 * Makers of options. Each takes `doc`, and either `default`, `required: true`, or none of them: then the setting may be
 * `undefined`.
 */
export const option = {
  /** Milliseconds, fractions among them. */
  milliseconds: numberMaker('milliseconds', 'ms', 'milliseconds'),
  /** Whole milliseconds. */
  wholeMilliseconds: numberMaker('milliseconds', 'ms', 'whole'),
  /** A whole number, as a count. */
  count: numberMaker('count', undefined, 'whole'),
  /** A whole number of bytes that fits a `number`. */
  bytes: numberMaker('bytes', 'bytes', 'whole'),
  /** A number of bytes that is a power of two. */
  powerOfTwoBytes: numberMaker('bytes', 'bytes', 'power of two'),
  /** `true` or `false`. */
  boolean: maker<boolean>('boolean', optionChecks.boolean),
  /** A string. */
  text: maker<string>('text', optionChecks.text),
  /** An array of strings. */
  texts: maker<readonly string[]>('texts', optionChecks.texts),
  /** A `URL` object, whose type pure packages do not have: `option.url<URL>({ ... })`. */
  url: ((text: AnyText) => new OptionData('url', optionChecks.url, text)) as GenericMaker<{ readonly href: string }>,
  /** An `AbortSignal`. */
  signal: maker<AbortSignal>('signal', optionChecks.signal),
  /** A function; name its type: `option.callback<(event: DeviceEvent) => void>({ ... })`. */
  callback: ((text: AnyText) => new OptionData('callback', optionChecks.callback, text)) as GenericMaker<Callback>,
  /** Any object that is not an array; name its type: `option.object<Clock>({ ... })`. */
  object: ((text: AnyText) => new OptionData('object', optionChecks.object, text)) as GenericMaker<object>,
  /** A value with a check of its own; name its type: `option.checked<boolean | JournalOptions>(either(...), { ... })`. */
  checked: ((check: OptionCheck, text: AnyText) => new OptionData('checked', check, text)) as CheckedMaker,
  /** One of some words. */
  oneOf: ((words: readonly string[], text: AnyText) =>
    new OptionData('oneOf', optionChecks.oneOf(...words), text)) as WordMaker,
} as const;

/** The data of one option, and its check. */
class OptionData implements AnyOption {
  readonly kind: string;
  readonly unit: OptionUnit | undefined;
  readonly zero: string | undefined;
  readonly isRequired: boolean;
  readonly default: unknown;
  readonly defaultText: string | undefined;
  readonly doc: string;
  readonly expected: string;
  readonly #check: OptionCheck;

  constructor(kind: string, check: OptionCheck, text: AnyText, unit?: OptionUnit) {
    this.kind = kind;
    this.unit = unit;
    this.zero = text.zero;
    this.isRequired = text.required ?? false;
    this.default = text.default;
    this.defaultText = text.defaultText;
    this.doc = text.doc;
    this.expected = check.expected;
    this.#check = check;
    if (text.default !== undefined) this.settle('a default', text.default);
    Object.freeze(this);
  }

  settle(where: string, given: unknown): unknown {
    if (this.#check.holds(given)) return given;
    const message = `${where} is ${describeValue(given)}, expected ${this.expected}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
}

function maker<Given>(kind: string, check: OptionCheck): Maker<Given> {
  return ((text: AnyText) => new OptionData(kind, check, text)) as Maker<Given>;
}

function numberMaker(kind: string, unit: OptionUnit | undefined, numbers: NumberKind): Maker<number, NumberText> {
  const make = (text: AnyText) => new OptionData(kind, numberCheck(numbers, text), text, unit);
  return make as Maker<number, NumberText>;
}
