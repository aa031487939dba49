/** What every store checks of a request. */
import { UsageError } from '@nbdjs/interfaces';
import type { PutOptions, StoreRange } from './object-store.ts';

/** @throws UsageError `ERR_NBD_ARGUMENT` for a range that cannot be. */
export function requireRange({ start, length }: StoreRange): void {
  if (Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(length) && length >= 1) return;
  throw new UsageError(
    'ERR_NBD_ARGUMENT',
    `a range of ${length} bytes from ${start} on, expected whole numbers, at least 1 byte`,
  );
}

/** @throws UsageError `ERR_NBD_ARGUMENT` for two conditions. */
export function requireOneCondition(key: string, { ifNoneMatch = false, ifMatch }: PutOptions): void {
  if (!ifNoneMatch || ifMatch === undefined) return;
  throw new UsageError('ERR_NBD_ARGUMENT', `put of '${key}' has two conditions, expected one at most`);
}
