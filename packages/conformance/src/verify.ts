/**
 * The checks that rules use. They are not a test runner's own assertions, because the suites do not depend on a test runner.
 */

/** A rule does not hold. The message says what was expected and what was got. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
}

/** @throws ConformanceError with this message when the condition does not hold. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConformanceError(message);
}

/** Checks that two values are the same one (`Object.is`). */
export function equal(actual: unknown, expected: unknown, what = 'the value'): void {
  check(Object.is(actual, expected), `${what}: expected ${inWords(expected)}, got ${inWords(actual)}`);
}

/** Checks that plain data is equal, member by member, with no member more. */
export function deepEqual(actual: unknown, expected: unknown, what = 'the value'): void {
  const difference = firstDifference(actual, expected, what, true);
  check(difference === undefined, difference ?? '');
}

/**
 * Checks that an object has at least the members of a pattern. A regular expression in the pattern stands for every text that it
 * matches, a function for every value for which it returns true.
 */
export function matches(actual: unknown, pattern: object, what = 'the value'): void {
  const difference = firstDifference(actual, pattern, what, false);
  check(difference === undefined, difference ?? '');
}

/** Checks that two pieces of memory hold the same bytes; names the first that differs. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what = 'the bytes'): void {
  equal(actual.length, expected.length, `the length of ${what}`);
  const index = actual.findIndex((byte, position) => byte !== expected[position]);
  check(index < 0, `${what}: byte ${index} is ${actual[index]}, expected ${expected[index]}`);
}

/** Checks that memory holds one value everywhere. */
export function filledWith(actual: Uint8Array, value: number, what = 'the bytes'): void {
  const index = actual.findIndex((byte) => byte !== value);
  check(index < 0, `${what}: byte ${index} is ${actual[index]}, expected ${value}`);
}

/**
 * The reason with which a call fails, whether it throws or rejects.
 *
 * @throws ConformanceError when the call succeeds.
 */
export async function failureOf(call: () => unknown, what = 'the call'): Promise<unknown> {
  try {
    await call();
  } catch (reason) {
    return reason;
  }
  throw new ConformanceError(`${what} was expected to fail, and succeeded`);
}

export function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Waits until a condition holds; looks every few milliseconds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    check(performance.now() <= deadline, `timed out waiting for ${what}`);
    await wait(5);
  }
}

function firstDifference(actual: unknown, expected: unknown, path: string, isExact: boolean): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  const bad = `${path}: expected ${inWords(expected)}, got ${inWords(actual)}`;
  if (!isExact && expected instanceof RegExp) return expected.test(String(actual)) ? undefined : bad;
  if (!isExact && typeof expected === 'function') return expected(actual) === true ? undefined : bad;
  if (!isObject(actual) || !isObject(expected) || Array.isArray(actual) !== Array.isArray(expected)) return bad;
  const names = Object.keys(expected);
  if ((isExact || Array.isArray(expected)) && Object.keys(actual).length !== names.length) return bad;
  for (const name of names) {
    const difference = firstDifference(actual[name], expected[name], `${path}.${name}`, isExact);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const wordsMax = 200;

function inWords(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Error) return `${value.name} '${value.message}'`;
  if (typeof value === 'function' || value instanceof RegExp) return String(value).slice(0, wordsMax);
  const json = JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? `${member}n` : member));
  return (json ?? String(value)).slice(0, wordsMax);
}
