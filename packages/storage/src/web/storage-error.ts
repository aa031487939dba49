/** Errors of the storage of browsers (`DOMException`) as errors of a request. */
import { CommandError, type CommandErrorCode } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';

const codes: ReadonlyMap<string, CommandErrorCode> = new Map([
  ['QuotaExceededError', 'ENOSPC'],
  ['NoModificationAllowedError', 'EPERM'],
  ['NotAllowedError', 'EPERM'],
  ['SecurityError', 'EPERM'],
]);

/** The error of an operation on a blob or a file of a browser. What NBD has no code for becomes `EIO`. */
export function storageError(operation: string, error: unknown): CommandError {
  const { name, message } = toError(error);
  return new CommandError(codes.get(name) ?? 'EIO', `${operation} failed: ${name}: ${message}`, { cause: error });
}
