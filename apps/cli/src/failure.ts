/** Errors as one line for people. */
import { isNbdError } from '@nbdjs/interfaces';
import { printable } from './render/printable.ts';

/** The message of an error in one line, without the stack. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? systemMessage(error) || error.message || error.name : String(error);
  return printable(message.replace(/\s*\n\s*/g, ' ').trim());
}

/** The system's errors begin with a code and end with a path, if any; people look for the path first. */
function systemMessage(error: Error): string | undefined {
  if (!('syscall' in error && 'code' in error)) return undefined;
  const [, reason, path] = /^[A-Z0-9]+: (.+?), \w+(?: '(.*)')?$/s.exec(error.message) ?? [];
  return reason === undefined || path === undefined ? undefined : `${path}: ${reason}`;
}

/** The reason alone, where the message around it says what it is about. */
export function systemReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^[A-Z0-9]+: (.+?), \w+(?: '.*')?$/s.exec(message)?.[1] ?? message;
}

interface Suggestion {
  /** The error's code. */
  readonly code: string;
  /** Where the code stands for more than this: what the message says. */
  readonly says?: RegExp | undefined;
  readonly advice: string;
}

const suggestions: readonly Suggestion[] = [
  { code: 'ERR_NBD_UNKNOWN_EXPORT', advice: 'to list all exports on the server, use nbd info --list' },
  { code: 'ERR_NBD_EXISTS', advice: 'to replace files that are there, use --force' },
  { code: 'ERR_NBD_TLS_REQUIRED', advice: 'to use TLS, begin the URI with nbds: or nbds+unix:, or use --tls require' },
  { code: 'ERR_NBD_TLS_REFUSED', advice: 'where clear text will do, begin the URI with nbd: or nbd+unix:' },
  {
    code: 'ERR_NBD_TLS',
    says: /not signed by an authority that is trusted here/,
    advice: 'to trust another authority, use --tls-certificates FOLDER, with its ca-cert.pem in it',
  },
  {
    code: 'ERR_NBD_TLS',
    says: /certificate is for .*, not for /,
    advice: 'to expect another name than that of the URI, use --tls-hostname NAME',
  },
  { code: 'EMFILE', advice: 'to have more files open at a time, raise ulimit -n' },
  {
    code: 'ERR_NBD_ARGUMENT',
    says: /cannot be opened for writing/,
    advice: 'to serve it for reading only, use --read-only',
  },
  {
    code: 'ERR_NBD_ARGUMENT',
    says: /no host is connected to/,
    advice: "to tell whom the server's certificate is for, use --tls-hostname NAME",
  },
];

/** What a person could do about it, if there is something that helps more often than not. */
export function suggestion(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code, message } = error;
  return suggestions.find((one) => one.code === code && one.says?.test(message) !== false)?.advice;
}

/** What `--verbose` adds: where it comes from, one line per cause. */
export function causes(error: unknown): readonly string[] {
  const lines: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause !== undefined && depth < 8; depth++) {
    const code = isNbdError(cause) ? ` [${cause.code}]` : '';
    lines.push(`caused by: ${oneLine(cause)}${code}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}
