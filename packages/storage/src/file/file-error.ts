/** Errors of the file system as errors of a request. */
import { CommandError, type CommandErrorCode, systemErrorCodes } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';

/** Codes that would tell a client of a wrong request, or of a server that ends. A file system means something else by them. */
const misleading: ReadonlySet<CommandErrorCode> = new Set(['EINVAL', 'ESHUTDOWN']);

/** The code of an error of Node as requests have it. A code that NBD has no number for counts as `EIO`. */
export function errnoOf(error: unknown): CommandErrorCode {
  const code = systemErrorCodes.get(error instanceof Error && 'code' in error ? String(error.code) : '');
  return code === undefined || misleading.has(code) ? 'EIO' : code;
}

/** The error of an operation on a file. */
export function fileError(operation: string, path: string, error: unknown): CommandError {
  return new CommandError(errnoOf(error), `${operation} ${path} failed: ${toError(error).message}`, { cause: error });
}
