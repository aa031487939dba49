/** Errors of stores as errors of a device. */
import { CommandError, NbdError } from '@nbdjs/interfaces';
import { isStoreError } from '../store/store-error.ts';

/** A store's error as that of a request; other errors of nbdjs are returned as they are. */
export function deviceError(command: string, disk: string, error: unknown): unknown {
  if (isStoreError(error))
    return new CommandError('EIO', `disk '${disk}': ${error.message}`, { command, cause: error });
  if (error instanceof NbdError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new CommandError('EIO', `disk '${disk}': ${command} failed: ${text}`, { command, cause: error });
}
