/** Errors of the file system as errors of a store. */
import { NbdError } from '@nbdjs/interfaces';
import { StoreError, type StoreErrorCode, type StoreOperation } from '../core/store/store-error.ts';
import { LockTimeout } from './key-locks.ts';
import { DamagedFile } from './object-file.ts';

/** All others may pass: a disk that is full, a server of files that does not answer. */
const codes: Readonly<Record<string, StoreErrorCode>> = {
  EACCES: 'ERR_NBD_STORE_PERMANENT',
  EPERM: 'ERR_NBD_STORE_PERMANENT',
  EROFS: 'ERR_NBD_STORE_PERMANENT',
  ENAMETOOLONG: 'ERR_NBD_STORE_PERMANENT',
  EFBIG: 'ERR_NBD_STORE_PERMANENT',
  EMFILE: 'ERR_NBD_STORE_THROTTLED',
  ENFILE: 'ERR_NBD_STORE_THROTTLED',
};

export function storeErrorOf(store: string, operation: StoreOperation, key: string, error: unknown): unknown {
  if (error instanceof NbdError) return error;
  const { code: systemCode, message } = error as NodeJS.ErrnoException;
  const details = { operation, key, cause: error };
  const what = `${operation} of '${key}' in ${store}`;
  if (error instanceof DamagedFile) {
    return new StoreError('ERR_NBD_STORE_PERMANENT', `${what}: the object is damaged, ${message}`, details);
  }
  if (error instanceof LockTimeout) return new StoreError('ERR_NBD_STORE_TRANSIENT', `${what}: ${message}`, details);
  const isMissing = systemCode === 'ENOENT' || systemCode === 'ENOTDIR';
  if (isMissing && (operation === 'get' || operation === 'head')) {
    return new StoreError('ERR_NBD_STORE_NOT_FOUND', `${what}: there is no such object`, details);
  }
  // A put meets it when the folder itself is gone.
  const code = isMissing ? 'ERR_NBD_STORE_NOT_FOUND' : (codes[systemCode ?? ''] ?? 'ERR_NBD_STORE_TRANSIENT');
  return new StoreError(code, `${what}: ${message}`, details);
}
