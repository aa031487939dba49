/** How long a certificate or a revocation list is valid. */
import { UsageError } from '@nbdjs/interfaces';

/** The first and the last moment of validity. A period in the past makes a certificate that has expired. */
export interface Validity {
  /** @default an hour ago, for peers whose clocks are slow */
  readonly validFrom?: Date | undefined;
  /** @default 365 days after `validFrom`; 3650 days for an authority */
  readonly validTo?: Date | undefined;
}

const dayMs = 86_400_000;
const slowClockMs = 3_600_000;

/**
 * The period with its defaults. Fractions of a second are cut off, because X.509 has none.
 *
 * @throws UsageError when the period ends before it begins, or when one of the dates is invalid.
 */
export function resolveValidity(
  { validFrom = new Date(Date.now() - slowClockMs), validTo }: Validity,
  defaultDays: number,
): { readonly from: Date; readonly to: Date } {
  const end = validTo ?? new Date(validFrom.getTime() + defaultDays * dayMs);
  if (!(validFrom < end)) {
    const [from, to] = [validFrom, end].map((date) => (Number.isNaN(date.getTime()) ? 'no date' : date.toISOString()));
    throw new UsageError('ERR_NBD_ARGUMENT', `a certificate cannot be valid from ${from} to ${to}`);
  }
  return { from: wholeSeconds(validFrom), to: wholeSeconds(end) };
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.trunc(date.getTime() / 1000) * 1000);
}
