/** Threads that the kernel waits for when it writes memory to disks. */
import { native } from './native.ts';

/** Linux's number, from 5.6 on. */
const PR_SET_IO_FLUSHER = 57;

/**
 * Tells the kernel that it writes to disks through this thread, and through those that the thread starts from now on: when they need memory
 * and there is none, the kernel must not wait for such a write to free some, because the thread itself would have to do it.
 *
 * @returns whether the kernel knows it now. It does not without native calls, without the right to it (CAP_SYS_RESOURCE), and before Linux 5.6.
 */
export function setIoFlusher(): boolean {
  const functions = native();
  if (functions === undefined) return false;
  const zero = ['unsigned long', 0] as const;
  return functions.prctl(PR_SET_IO_FLUSHER, 'unsigned long', 1, ...zero, ...zero, ...zero) === 0;
}
