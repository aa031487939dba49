/** Checks at run time of addresses to connect to and to listen at, for callers without a compiler. */
import { UsageError } from '@nbdjs/interfaces';
import { checkOptions, describeValue, type OptionCheck, optionChecks } from '@nbdjs/kit';

/** One check for each member of each form of an address, so that a new member without a check does not compile. */
export type PlaceChecks<Place extends { readonly type: string }> = {
  readonly [Type in Place['type']]: {
    readonly [Name in keyof Required<Omit<Extract<Place, { readonly type: Type }>, 'type'>>]: OptionCheck;
  };
};

/** The single checks. Paths and ports are checked further where they are used. */
export const placeChecks = {
  text: optionChecks.text,
  whole: optionChecks.wholeFrom(0),
  number: optionChecks.number,
  command: {
    expected: 'an array of a program and its arguments',
    holds: (value: unknown) => optionChecks.texts.holds(value) && (value as readonly string[]).length > 0,
  },
  boolean: optionChecks.boolean,
  mode: optionChecks.oneOf('socket-activation', 'socket-pair'),
  stderr: optionChecks.oneOf('capture', 'inherit'),
  env: {
    expected: 'an object of strings, with undefined for variables to be removed',
    holds: (value: unknown) =>
      optionChecks.object.holds(value) &&
      Object.values(value as object).every((one) => one === undefined || typeof one === 'string'),
  },
  family: { expected: '4 or 6', holds: (value: unknown) => value === 4 || value === 6 },
} as const;

/**
 * @param what The address in the caller's words, for messages.
 * @param optional Members that may be absent.
 * @throws UsageError `ERR_NBD_ARGUMENT` naming what is unknown, missing or of the wrong kind.
 */
export function checkPlace(
  what: string,
  place: unknown,
  forms: Readonly<Record<string, Readonly<Record<string, OptionCheck>>>>,
  optional: readonly string[],
): void {
  const given: Readonly<Record<string, unknown>> = optionChecks.object.holds(place) ? { ...(place as object) } : {};
  const { type } = given;
  const members = typeof type === 'string' && Object.hasOwn(forms, type) ? forms[type] : undefined;
  if (members === undefined) {
    const got = type === undefined ? describeValue(place) : `of type ${describeValue(type)}`;
    const expected = Object.keys(forms).join(', ');
    throw new UsageError('ERR_NBD_ARGUMENT', `${what} is ${got}, expected an object whose type is one of ${expected}`);
  }
  checkOptions(what, given, { type: optionChecks.text, ...members });
  const missing = Object.keys(members).find((name) => given[name] === undefined && !optional.includes(name));
  if (missing === undefined) return;
  const message = `${what}: ${missing} is missing, expected ${members[missing]?.expected}`;
  throw new UsageError('ERR_NBD_ARGUMENT', message);
}
