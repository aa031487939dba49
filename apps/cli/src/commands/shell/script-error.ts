/** What code has thrown: the message says which class and code it is of, and where. */
import type { NbdErrorOptions } from '@nbdjs/interfaces';

export class ScriptError extends Error {
  override readonly name = 'ScriptError';

  constructor(message: string, options: NbdErrorOptions) {
    super(message, options);
  }
}
