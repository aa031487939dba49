/** Errors in one line, with what programs can tell them by. */
import { isNbdError } from '@nbdjs/interfaces';
import { oneLine } from '../../errors/one-line.ts';

/** `CommandError [EINVAL]: ...`, or `TypeError: ...` */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(error);
  const code = isNbdError(error) ? ` [${error.code}]` : '';
  return `${error.name}${code}: ${oneLine(error)}`;
}

/** The same, with the line of the code in which it happened, where that is known. */
export function errorTextAt(error: unknown, name: string, url: string): string {
  const line = error instanceof Error ? lineIn(error.stack ?? '', url) : undefined;
  return line === undefined ? errorText(error) : `${name}:${line}: ${errorText(error)}`;
}

function lineIn(stack: string, url: string): string | undefined {
  const start = stack.indexOf(url);
  return start < 0 ? undefined : /^:(\d+)/.exec(stack.slice(start + url.length))?.[1];
}
