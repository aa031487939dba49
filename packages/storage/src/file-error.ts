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

/** What an operation on a file failed with; what is not known counts as `EIO`. */
export function fileError(operation: string, path: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const text = error instanceof Error ? error.message : String(error);
  return new CommandError(codes[code] ?? 'EIO', `${operation} ${path} failed: ${text}`, { cause: error });
}
