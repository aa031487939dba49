/** The kernel's errors in words. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { UsageError } from '@nbdjs/interfaces';
import { KernelRefusal } from '../netlink/generic-family.ts';

const { EACCES, EBUSY, EINVAL, ENOENT, ENODEV, ENOSPC, ENXIO, EPERM } = constants.errno;

/** Why there is no driver. */
export function missingDriver(): UsageError {
  const message = "kernel has no NBD driver: its module 'nbd' is not loaded (as root: modprobe nbd)";
  return new UsageError('ERR_NBD_NOT_SUPPORTED', message);
}

/** Says what an error means for an attempt such as `attaching /dev/nbd0`. Errors that are not the kernel's are returned as they are. */
export function explainFailure(attempt: string, error: unknown): unknown {
  const number = errorNumberOf(error);
  if (number === undefined) return error;
  const text = error instanceof KernelRefusal ? error.text : undefined;
  const [code = `errno ${number}`, words = 'unknown error'] = getSystemErrorMap().get(-number) ?? [];
  const reason = text ?? words;
  switch (number) {
    case EBUSY:
      return new UsageError('ERR_NBD_STATE', `${attempt}: it is in use already (nbd list shows what is attached)`, {
        cause: error,
      });
    case ENXIO:
    case ENODEV:
    case ENOENT:
      return new UsageError('ERR_NBD_ARGUMENT', `${attempt}: there is no such device`, { cause: error });
    case ENOSPC:
      return new UsageError('ERR_NBD_STATE', `${attempt}: none of its connections has ended`, { cause: error });
    case EINVAL:
      return new UsageError('ERR_NBD_ARGUMENT', `${attempt}: the kernel finds something wrong: ${reason}`, {
        cause: error,
      });
    case EPERM:
    case EACCES:
      return systemError(code, number, `${attempt}: only root may (the capability CAP_SYS_ADMIN): ${reason}`, error);
    default:
      return systemError(code, number, `${attempt}: ${reason}`, error);
  }
}

function errorNumberOf(error: unknown): number | undefined {
  if (error instanceof KernelRefusal) return error.errorNumber;
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return undefined;
  return Math.abs(error.errno);
}

/** An error in the form of Node's own. */
function systemError(code: string, number: number, message: string, cause: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code, errno: -number, syscall: 'nbd' });
}
