/** Keys that every store can have: a file system, too. */
import { UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';

/** The longest key, in bytes. It leaves room for a prefix that a store puts in front of it. */
export const storeKeyBytesMax = 512;

/** Names with dots, dashes and underscores, in folders; none is `.` or `..`, none begins with a dot. */
const pattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** Returns whether every store can have this key. */
export function isKey(key: string): boolean {
  return typeof key === 'string' && key.length <= storeKeyBytesMax && pattern.test(key);
}

/** @throws UsageError `ERR_NBD_ARGUMENT` for a key that not every store can have. */
export function requireKey(key: string): void {
  if (isKey(key)) return;
  const expected = `letters, digits, '.', '_', '-' in names with '/' between, at most ${storeKeyBytesMax} bytes`;
  throw new UsageError('ERR_NBD_ARGUMENT', `the key of an object is ${describeValue(key)}, expected ${expected}`);
}
