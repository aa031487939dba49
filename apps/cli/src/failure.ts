/** Errors as one line for people. */
import { isNbdError } from '@nbdjs/interfaces';
import { printable } from './render/printable.ts';

/** The message of an error in one line, without the stack. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return printable(message.replace(/\s*\n\s*/g, ' ').trim());
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
