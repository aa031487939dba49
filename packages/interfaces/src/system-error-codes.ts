/** The system's error codes in NBD's words. */
import type { CommandErrorCode } from './errors.ts';

/** The code that NBD has for a code of the system: its own, or that of an error which says the same to a client. */
export const systemErrorCodes: ReadonlyMap<string, CommandErrorCode> = new Map([
  ['EPERM', 'EPERM'],
  ['EROFS', 'EPERM'],
  ['EACCES', 'EPERM'],
  ['EIO', 'EIO'],
  ['ENOMEM', 'ENOMEM'],
  ['EINVAL', 'EINVAL'],
  ['ENOSPC', 'ENOSPC'],
  ['EDQUOT', 'ENOSPC'],
  ['EFBIG', 'ENOSPC'],
  ['EOVERFLOW', 'EOVERFLOW'],
  ['ENOTSUP', 'ENOTSUP'],
  ['EOPNOTSUPP', 'ENOTSUP'],
  ['ESHUTDOWN', 'ESHUTDOWN'],
]);
