/** Errors of a device as the error numbers that a program gets from the file. */
import { CommandError, type CommandErrorCode, UsageError, type UsageErrorCode } from '@nbdjs/interfaces';
import { Errno, type ErrorNumber } from './protocol/numbers.ts';

const commandErrors: Readonly<Record<CommandErrorCode, ErrorNumber>> = {
  EPERM: Errno.EPERM,
  EIO: Errno.EIO,
  ENOMEM: Errno.ENOMEM,
  EINVAL: Errno.EINVAL,
  ENOSPC: Errno.ENOSPC,
  EOVERFLOW: Errno.EOVERFLOW,
  ENOTSUP: Errno.EOPNOTSUPP,
  ESHUTDOWN: Errno.ESHUTDOWN,
};

/** All others are `EIO`: the program that uses the file did nothing wrong. */
const usageErrors: Partial<Record<UsageErrorCode, ErrorNumber>> = {
  ERR_NBD_READ_ONLY: Errno.EROFS,
  ERR_NBD_NOT_SUPPORTED: Errno.EOPNOTSUPP,
  ERR_NBD_OUT_OF_BOUNDS: Errno.EINVAL,
  ERR_NBD_UNALIGNED: Errno.EINVAL,
};

/** Returns the number for what a device threw. Whatever has no number of its own, a lost connection, say, is `EIO`. */
export function errnoOf(error: unknown): ErrorNumber {
  if (error instanceof CommandError) return commandErrors[error.code];
  if (error instanceof UsageError) return usageErrors[error.code] ?? Errno.EIO;
  return Errno.EIO;
}
