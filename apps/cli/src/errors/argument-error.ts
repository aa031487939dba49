/** The error of a command line that is wrong. */
import { UsageError } from '@nbdjs/interfaces';

/** Makes the error of a command line that is wrong. `message` names the option or the argument. */
export function argumentError(message: string, options?: { readonly cause?: unknown }): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', message, options);
}
