/** Errors as one line for people. */
import { getSystemErrorMap } from 'node:util';
import { isNbdError, NegotiationError, ProtocolError } from '@nbdjs/interfaces';
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
  const reason = /^[A-Z0-9]+: (.+?), \w+(?: '.*')?$/s.exec(message)?.[1];
  return reason ?? wordsFor(error) ?? message;
}

/** Words for an error of the system that has only a code. */
function wordsFor(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  for (const [code, words] of getSystemErrorMap().values()) if (code === error.code) return words;
  return undefined;
}

/** The system's error with the name of what it is about; others as they are. */
export function systemErrorOf(name: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (!('syscall' in error && 'code' in error)) return error;
  const named = new Error(`${name}: ${systemReason(error)}`, { cause: error });
  return Object.assign(named, { code: error.code, syscall: error.syscall });
}

interface Suggestion {
  /** The error's code. */
  readonly code: string;
  /** Where the code stands for more than this: what the message says. */
  readonly says?: RegExp | undefined;
  /** The only command that the advice is for. */
  readonly command?: string | undefined;
  readonly advice: string;
}

/** Options that a server may stumble over, and that are not sent with less modern replies. */
const modernOptions = /option (EXTENDED_HEADERS|STRUCTURED_REPLY|SET_META_CONTEXT|LIST_META_CONTEXT)\b/;

const suggestions: readonly Suggestion[] = [
  {
    code: 'ERR_NBD_URI',
    says: /there is no parameter|has no value|'%' that is not followed/,
    advice: "in the name of an export, write %3F for '?' and %25 for '%'",
  },
  ...['ERR_NBD_PEER_CLOSED', 'ERR_NBD_OUT_OF_STEP', 'ERR_NBD_TIMEOUT'].map((code) => ({
    code,
    says: modernOptions,
    advice: 'to do without what older servers do not know, use --mode simple',
  })),
  {
    code: 'ERR_NBD_PROTOCOL',
    says: /block status|BLOCK_STATUS/,
    command: 'copy',
    advice: "to copy without asking for the source's block map, use --no-extents",
  },
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
export function suggestion(error: unknown, command?: string): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || isToldByProgram(error)) return undefined;
  const { code, message } = error;
  return suggestions.find(
    (one) =>
      one.code === code && one.says?.test(message) !== false && (one.command === undefined || one.command === command),
  )?.advice;
}

/**
 * A program in brackets has one export as a rule. If it does not have that, then because it could not open what it is for,
 * and it has said so on standard error; unless it says something about exports.
 */
function isToldByProgram(error: Error): boolean {
  if (!(error instanceof NegotiationError && error.code === 'ERR_NBD_UNKNOWN_EXPORT')) return false;
  return error.message.startsWith('[ ') && !/\bexport\b/i.test(error.serverText ?? '');
}

/** What `--verbose` adds: the rule that was broken, and where it comes from, one line per cause. */
export function causes(error: unknown): readonly string[] {
  const lines = brokenRule(error);
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause !== undefined && depth < 8; depth++) {
    const code = isNbdError(cause) ? ` [${cause.code}]` : '';
    lines.push(`caused by: ${oneLine(cause)}${code}`, ...brokenRule(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

/** Which rule of the protocol a peer has broken, by its section in the specification and its id in our docs. */
function brokenRule(error: unknown): string[] {
  if (!(error instanceof ProtocolError) || error.section === undefined) return [];
  return [`breaks the NBD protocol, section "${error.section}" (rule ${error.rule})`];
}
