/** Names of snapshots. */
import { UsageError } from '@nbdjs/interfaces';
import { isName } from './manifest.ts';

/** @throws UsageError `ERR_NBD_ARGUMENT`. */
export function requireSnapshotName(name: string): void {
  if (isName(name)) return;
  const expected = "letters, digits, '.', '_' and '-', 1 to 128";
  throw new UsageError('ERR_NBD_ARGUMENT', `the name of a snapshot is '${name}', expected ${expected}`);
}
