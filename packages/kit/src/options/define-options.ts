/**
 * Options and limits as data: defined once, in the package that enforces them. Types, defaults, checks, pages of
 * documentation and help texts come from the definition.
 */
import { UsageError } from '@nbdjs/interfaces';
import { describeValue } from '../errors/describe-value.ts';
import { nearestName } from './nearest-name.ts';
import type { AnyOption, Option, OptionEntry, OptionText } from './option.ts';
import { isObject } from './option-checks.ts';

/** Options by name. */
export type OptionDefinitions = Readonly<Record<string, AnyOption>>;

/** The names of the options that have to be given. */
export type RequiredName<Definitions> = {
  [Name in keyof Definitions]: Definitions[Name] extends { readonly isRequired: true } ? Name : never;
}[keyof Definitions];

/** What a caller may give for an option. */
export type GivenValue<One> = One extends Option<infer Given, infer _Settled, boolean> ? Given : never;
/** What an option is in the settings. */
export type SettledValue<One> = One extends Option<infer _Given, infer Settled, boolean> ? Settled : never;

/** One object type of an intersection, for readable messages. It keeps the comments of the properties. */
export type Flat<Type> = { [Name in keyof Type]: Type[Name] };

/** What a caller gives. The types are built so that an editor shows the comment of each definition. */
export type GivenOptions<Definitions> = Flat<
  {
    readonly [Name in keyof Omit<Definitions, RequiredName<Definitions>>]?: GivenValue<Definitions[Name]> | undefined;
  } & {
    readonly [Name in keyof Pick<Definitions, RequiredName<Definitions>>]: GivenValue<Definitions[Name]>;
  }
>;

/** What a caller gets: every option has a value, given or default. */
export type SettledOptions<Definitions> = {
  readonly [Name in keyof Definitions]: SettledValue<Definitions[Name]>;
};

/** The options of one function, defined once. */
export interface OptionSet<Definitions extends OptionDefinitions> {
  /** For sets that are put together: `defineOptions({ ...one.definitions, ...other.definitions })`. */
  readonly definitions: Definitions;
  /** In the order of the definitions. */
  readonly names: readonly (keyof Definitions & string)[];
  /** In the order of the definitions. */
  readonly entries: readonly OptionEntry[];
  /**
   * Checks what was given and fills in the defaults. Options that are `undefined` count as not given.
   *
   * @param caller the public function that was called, for messages
   * @returns frozen settings.
   * @throws UsageError `ERR_NBD_ARGUMENT` naming the option that is unknown, wrong or missing, what was expected, and what was got.
   */
  resolve(caller: string, given: GivenOptions<Definitions> | undefined): SettledOptions<Definitions>;
  /** Takes the options of this set out of a larger object. Values are not checked. */
  pick(given: object): GivenOptions<Definitions>;
}

/** The type of what a caller gives for a set: `OptionsOf<typeof serverLimits>`. */
export type OptionsOf<Set> = Set extends { readonly definitions: infer Definitions }
  ? GivenOptions<Definitions>
  : never;

/** The type of a set's settings: `SettingsOf<typeof serverLimits>`. */
export type SettingsOf<Set> = Set extends { readonly definitions: infer Definitions }
  ? SettledOptions<Definitions>
  : never;

/** Makes a set of options from their definitions; see `option` for what they can be. */
export function defineOptions<const Definitions extends OptionDefinitions>(
  definitions: Definitions,
): OptionSet<Definitions> {
  return new Options(definitions) as unknown as OptionSet<Definitions>;
}

/**
 * An option whose value is a set of options itself, such as `limits`. Its settings are always there.
 *
 * @throws UsageError when the set has required options without defaults.
 */
export function optionGroup<Definitions extends OptionDefinitions>(
  set: OptionSet<Definitions>,
  text: OptionText,
): Option<GivenOptions<Definitions>, SettledOptions<Definitions>> {
  return Object.freeze({
    ...text,
    kind: 'options',
    unit: undefined,
    zero: undefined,
    isRequired: false as const,
    default: set.resolve('the defaults', {} as GivenOptions<Definitions>),
    expected: 'an object',
    members: set.entries,
    settle(where: string, given: GivenOptions<Definitions>) {
      if (isObject(given)) return set.resolve(where, given);
      throw new UsageError('ERR_NBD_ARGUMENT', `${where} is ${describeValue(given)}, expected an object`);
    },
  });
}

type Values = Record<string, unknown>;

class Options {
  readonly definitions: OptionDefinitions;
  readonly names: readonly string[];

  constructor(definitions: OptionDefinitions) {
    this.definitions = definitions;
    this.names = Object.freeze(Object.keys(definitions));
  }

  get entries(): readonly OptionEntry[] {
    return Object.entries(this.definitions).map(([name, one]) => ({
      name,
      kind: one.kind,
      unit: one.unit,
      zero: one.zero,
      isRequired: one.isRequired,
      default: one.default,
      defaultText: one.defaultText,
      expected: one.expected,
      doc: one.doc,
      members: one.members,
    }));
  }

  resolve(caller: string, given: unknown): Readonly<Values> {
    if (given !== undefined && !isObject(given)) {
      throw new UsageError('ERR_NBD_ARGUMENT', `${caller}: options are ${describeValue(given)}, expected an object`);
    }
    // A copy of the definitions has all names in one order. So settings stay in V8's fast mode; an empty object would leave it
    // after a dozen assignments.
    const settings: Values = { ...this.definitions };
    for (const name of this.names) settings[name] = this.definitions[name]?.default;
    for (const [name, value] of Object.entries(given ?? {})) {
      const definition = Object.hasOwn(this.definitions, name) ? this.definitions[name] : undefined;
      if (definition === undefined) throw this.#unknown(caller, name);
      if (value !== undefined) settings[name] = definition.settle(`${caller}: ${name}`, value);
    }
    for (const name of this.names) this.#requireValue(caller, name, settings[name]);
    return Object.freeze(settings);
  }

  pick(given: Readonly<Values>): Readonly<Values> {
    return Object.fromEntries(
      this.names.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
    );
  }

  #requireValue(caller: string, name: string, value: unknown): void {
    const definition = this.definitions[name];
    if (value !== undefined || definition === undefined || !definition.isRequired) return;
    throw new UsageError('ERR_NBD_ARGUMENT', `${caller}: ${name} is missing, expected ${definition.expected}`);
  }

  #unknown(caller: string, name: string): UsageError {
    const known = nearestName(name, this.names);
    const hint = known === undefined ? '' : ` (did you mean '${known}'?)`;
    return new UsageError('ERR_NBD_ARGUMENT', `${caller}: unknown option '${name}'${hint}`);
  }
}
