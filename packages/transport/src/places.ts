/** What places to connect to and to listen at have to be, for those who have no compiler that looks at them. */
import { UsageError } from '@nbdjs/interfaces';
import { checkOptions, describeValue, type OptionCheck, optionChecks } from '@nbdjs/kit';

/** One check for each member of each form of a place, so that a new one without a check does not compile. */
export type PlaceChecks<Place extends { readonly type: string }> = {
  readonly [Type in Place['type']]: {
    readonly [Name in keyof Required<Omit<Extract<Place, { readonly type: Type }>, 'type'>>]: OptionCheck;
  };
};

/** The checks that those of places are put together from. What a path and a port may be is looked at where they are used. */
export const placeChecks = {
  text: optionChecks.text,
  whole: optionChecks.wholeFrom(0),
  number: optionChecks.number,
  command: {
    expected: 'an array of a program and its arguments',
    holds: (value: unknown) => optionChecks.texts.holds(value) && (value as readonly string[]).length > 0,
  },
  mode: optionChecks.oneOf('socket-activation', 'socket-pair'),
  family: { expected: '4 or 6', holds: (value: unknown) => value === 4 || value === 6 },
} as const;

/**
 * @param what the place is to the caller, for messages
 * @param optional names that may be absent
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
