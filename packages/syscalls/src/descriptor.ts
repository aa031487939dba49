/** Descriptors: a second number for the same open file. */
import { native } from './native.ts';
import { systemError } from './system-error.ts';

/** Linux's number; unlike plain `dup` it does not leak the duplicate into child processes. */
const F_DUPFD_CLOEXEC = 1030;

/**
 * Returns a second descriptor for the same open file or socket. Each has to be closed separately.
 *
 * @returns `undefined` without native calls.
 * @throws a system error, for instance when `fd` is not open.
 */
export function duplicateDescriptor(fd: number): number | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const duplicate = Number(functions.fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0));
  if (duplicate < 0) throw systemError('fcntl', functions.errno());
  return duplicate;
}
