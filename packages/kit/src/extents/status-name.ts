/** What the statuses of well-known metadata contexts are called. */
import { allocationDepth, baseAllocation } from '@nbdjs/interfaces';

const allocationNames = ['data', 'hole', 'zero', 'hole,zero'] as const;
const dirtyNames = ['clean', 'dirty'] as const;

/** What the names of QEMU's contexts for dirty bitmaps begin with; the name of the bitmap follows. */
export const dirtyBitmapPrefix = 'qemu:dirty-bitmap:';

/**
 * Returns the name of a status of `base:allocation` (`data`, `hole`, `zero`, `hole,zero`), of a dirty bitmap of QEMU (`clean`, `dirty`) and
 * of QEMU's allocation depth (`absent`, `local`, `backing depth 2`, ...), as nbdinfo has them.
 *
 * @returns `undefined` for other contexts, and for statuses that the context does not define.
 */
export function statusName(context: string, status: bigint): string | undefined {
  if (context === baseAllocation) return allocationNames[Number(status)];
  if (context.startsWith(dirtyBitmapPrefix)) return dirtyNames[Number(status)];
  if (context !== allocationDepth) return undefined;
  if (status === 0n) return 'absent';
  return status === 1n ? 'local' : `backing depth ${status}`;
}

/** Returns whether a status says that there is nothing here: no data, no change, no layer that stores it. Of other contexts it is 0. */
export function isAbsence(context: string, status: bigint): boolean {
  return context === baseAllocation ? status === 3n : status === 0n;
}
