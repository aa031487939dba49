/** Error messages in one line. */
import { getSystemErrorMap } from 'node:util';
import { printable } from '../render/printable.ts';

/** Returns the message of an error in one line, without the stack. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? systemMessage(error) || error.message || error.name : String(error);
  return printable(message.replace(/\s*\n\s*/g, ' ').trim());
}

/** The system's messages begin with a code and end with a path, if any; people look for the path first. */
function systemMessage(error: Error): string | undefined {
  if (!isSystemError(error)) return undefined;
  const [, reason, path] = /^[A-Z0-9]+: (.+?), \w+(?: '(.*)')?$/s.exec(error.message) ?? [];
  return reason === undefined || path === undefined ? undefined : `${path}: ${reason}`;
}

/** Returns the reason alone, where the message around it names the object. */
export function systemReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const reason = /^[A-Z0-9]+: (.+?), \w+(?: '.*')?$/s.exec(message)?.[1];
  return reason ?? describeCode(error) ?? message;
}

/** Words for an error of the system that has only a code. */
function describeCode(error: unknown): string | undefined {
  if (!isSystemError(error)) return undefined;
  for (const [code, words] of getSystemErrorMap().values()) if (code === error.code) return words;
  return undefined;
}

/** Returns an error of the system with the name of its object; any other error as it is. */
export function systemErrorOf(name: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (!isSystemError(error)) return error;
  const named = new Error(`${name}: ${systemReason(error)}`, { cause: error });
  return Object.assign(named, { code: error.code, syscall: error.syscall });
}

function isSystemError(error: unknown): error is Error & { readonly code: unknown; readonly syscall: unknown } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
