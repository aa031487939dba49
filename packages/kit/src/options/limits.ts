/** Limits with their defaults filled in. */
import { type LimitName, type LimitOptions, limits, UsageError } from '@nbdjs/interfaces';

/**
 * Fills in the defaults of limits of which there must be one at least.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` naming the one that is no such number.
 */
export function settleLimits<Name extends LimitName>(
  names: readonly Name[],
  given: LimitOptions<Name> = {},
): Readonly<Record<Name, number>> {
  const settled = {} as Record<Name, number>;
  for (const name of names) {
    const value = given[name] ?? limits[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UsageError('ERR_NBD_ARGUMENT', `limits.${name} is ${value}, expected a whole number from 1 on`);
    }
    settled[name] = value;
  }
  return settled;
}
