/** The system's error codes, and the codes that NBD has for them. */
import type { CommandErrorCode } from './errors.ts';

/** The code that NBD has for a code of the system: the same code, or the one with the same meaning for a client. */
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
