/** Errors of the file system as errors of a request. */
import { CommandError, type CommandErrorCode } from '@nbdjs/interfaces';

const codes: Readonly<Record<string, CommandErrorCode>> = {
  EPERM: 'EPERM',
  EACCES: 'EPERM',
  EROFS: 'EPERM',
  EIO: 'EIO',
  ENOMEM: 'ENOMEM',
  ENOSPC: 'ENOSPC',
  EDQUOT: 'ENOSPC',
  EFBIG: 'ENOSPC',
  EOVERFLOW: 'EOVERFLOW',
  ENOTSUP: 'ENOTSUP',
  EOPNOTSUPP: 'ENOTSUP',
};

/** The errno of an error of Node as requests have it; what is not known counts as `EIO`. */
export function errnoOf(error: unknown): CommandErrorCode {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return Object.hasOwn(codes, code) ? (codes[code] ?? 'EIO') : 'EIO';
}

/** The error of an operation on a file. */
export function fileError(operation: string, path: string, error: unknown): CommandError {
  const text = error instanceof Error ? error.message : String(error);
  return new CommandError(errnoOf(error), `${operation} ${path} failed: ${text}`, { cause: error });
}
