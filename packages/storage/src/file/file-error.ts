/** Errors of the file system as errors of a request. */
import { CommandError, type CommandErrorCode, systemErrorCodes } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';

/** Codes by which NBD reports a wrong request, or a server that ends. From a file system they mean something else. */
const misleading: ReadonlySet<CommandErrorCode> = new Set(['EINVAL', 'ESHUTDOWN']);

/** The NBD error for the code of an error of Node. A code that NBD has no number for becomes `EIO`. */
export function errnoOf(error: unknown): CommandErrorCode {
  const code = systemErrorCodes.get(error instanceof Error && 'code' in error ? String(error.code) : '');
  return code === undefined || misleading.has(code) ? 'EIO' : code;
}

/** The error of an operation on a file. */
export function fileError(operation: string, path: string, error: unknown): CommandError {
  return new CommandError(errnoOf(error), `${operation} ${path} failed: ${toError(error).message}`, { cause: error });
}
