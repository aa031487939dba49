/** The checks that the rules use. They are not a test runner's own assertions, because the suite does not depend on one. */
import { isStoreError, type StoreErrorCode } from '../core/store/store-error.ts';

/** A rule does not hold. The message says what was expected and what was got. */
export class StoreConformanceError extends Error {
  override readonly name = 'StoreConformanceError';
}

/** @throws StoreConformanceError with this message when the condition does not hold. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new StoreConformanceError(message);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  check(Object.is(actual, expected), `${what}: expected ${String(expected)}, got ${String(actual)}`);
}

export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  equal(actual.length, expected.length, `the length of ${what}`);
  const index = actual.findIndex((byte, position) => byte !== expected[position]);
  check(index < 0, `${what}: byte ${index} is ${actual[index]}, expected ${expected[index]}`);
}

/** The reason with which a call rejects. */
export async function failureOf(call: Promise<unknown>, what: string): Promise<unknown> {
  const outcome = await call.then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
  check(outcome !== undefined, `${what} was expected to fail, and succeeded`);
  return outcome.reason;
}

/** Checks that a call rejects with a `StoreError` of this code. */
export async function failsWith(code: StoreErrorCode, call: Promise<unknown>, what: string): Promise<void> {
  const reason = await failureOf(call, what);
  const got = reason instanceof Error ? `${reason.name} '${reason.message}'` : String(reason);
  check(isStoreError(reason, code), `${what}: expected a StoreError with code ${code}, got ${got}`);
}

/** Bytes that differ from place to place and from seed to seed. */
export function someBytes(length: number, seed: number): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
}
