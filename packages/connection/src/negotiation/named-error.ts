/** Errors that are reported more than once, errors that name the server, and errors that are permanent. */
import { ConnectError, NegotiationError, UsageError } from '@nbdjs/interfaces';
import { copyError } from '@nbdjs/kit';

/** Returns a copy of the error whose number of attempts, where it has one, is `attempts`. */
export function copyWithAttempts(error: Error, attempts: number): Error {
  return copyError(error, error instanceof ConnectError ? { attempts } : undefined);
}

/** Puts the server's name in front of an error's message, unless the message has it already. Returns the same error. */
export function named(error: Error, name: string): Error {
  if (error.message.includes(name)) return error;
  const message = `${name}: ${error.message}`;
  // The stack begins with the message as it was when the error was made.
  const stack = error.stack?.replace(error.message, () => message);
  error.message = message;
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Returns whether the server has no export of the name that was asked for. */
export function isUnknownExport(error: Error): boolean {
  return error instanceof NegotiationError && error.code === 'ERR_NBD_UNKNOWN_EXPORT';
}

/** Returns whether a new attempt would fail in the same way: a permanent refusal, not a passing condition. */
export function isPermanent(error: Error): boolean {
  if (error instanceof NegotiationError || error instanceof ConnectError) return error.permanent;
  return error instanceof UsageError;
}
