/** The checks that every device makes before it reads or changes anything. */
import { type Abortable, type Offset, UsageError } from '@nbdjs/interfaces';

/** Refuses ranges outside of a device of `size` bytes; returns the range as exact numbers. */
export function requireInside(size: bigint, offset: Offset, length: Offset): readonly [start: bigint, end: bigint] {
  const start = exact('offset', offset);
  const end = start + exact('length', length);
  if (end > size) {
    throw new UsageError(
      'ERR_NBD_OUT_OF_BOUNDS',
      `bytes ${start} to ${end} reach past the end of the device at ${size}`,
    );
  }
  return [start, end];
}

/**
 * Refuses the same ranges. For most of them, plain numbers show that they lie inside, and no bigint is made.
 *
 * @param sizeNumber the size as a number, where that is exact; else something larger than any offset that is a number
 */
export function checkInside(size: bigint, sizeNumber: number, offset: Offset, length: Offset): void {
  const end = typeof offset === 'number' && typeof length === 'number' ? offset + length : Number.NaN;
  if (offset >= 0 && length >= 0 && Number.isSafeInteger(end) && end <= sizeNumber) return;
  requireInside(size, offset, length);
}

/** @throws the signal's reason. */
export function requireGoing(options: Abortable | undefined): void {
  if (options?.signal?.aborted) throw options.signal.reason;
}

function exact(what: string, value: Offset): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `the ${what} ${value} is not a safe integer; use a bigint`);
  }
  if (value < 0) throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `the ${what} ${value} is negative`);
  return BigInt(value);
}
