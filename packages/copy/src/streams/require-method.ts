/** Checks of streams and sinks, for callers without a compiler. */
import { UsageError } from '@nbdjs/interfaces';

/** @throws UsageError `ERR_NBD_ARGUMENT` if it is not a function. */
export function requireMethod(name: string, method: unknown, expected: string): void {
  if (typeof method !== 'function') throw new UsageError('ERR_NBD_ARGUMENT', `copy: ${name} is not ${expected}`);
}
