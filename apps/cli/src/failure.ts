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

/** What may help, by the codes of errors. */
const suggestions: Readonly<Record<string, string>> = {
  ERR_NBD_UNKNOWN_EXPORT: 'to list all exports on the server, use nbd info --list',
  ERR_NBD_EXISTS: 'to replace files that are there, use --force',
};

/** What a person could do about it, if there is something that helps more often than not. */
export function suggestion(error: unknown): string | undefined {
  return isNbdError(error) && Object.hasOwn(suggestions, error.code) ? suggestions[error.code] : undefined;
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
