/** Errors of system calls, in the form of Node's own. */
import { getSystemErrorMap } from 'node:util';

/** Makes the error for a failed call, with `code`, `errno` and `syscall` as Node's own errors have them. */
export function systemError(syscall: string, errorNumber: number): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(-errorNumber) ?? [`errno ${errorNumber}`, 'unknown error'];
  const error: NodeJS.ErrnoException = new Error(`${code}: ${text}, ${syscall}`);
  error.code = code;
  error.errno = -errorNumber;
  error.syscall = syscall;
  return error;
}
