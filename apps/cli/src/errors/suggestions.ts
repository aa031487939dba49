/** Advice that often helps against an error. */
import { NegotiationError } from '@nbdjs/interfaces';

interface Suggestion {
  /** The error's code. */
  readonly code: string;
  /** Where the code has more than one meaning: what the message says. */
  readonly says?: RegExp | undefined;
  /** The only command that the advice is for. */
  readonly command?: string | undefined;
  readonly advice: string;
}

/** Options at which some servers close the connection, and which are not sent in the older reply modes. */
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
    advice: 'to use only what older servers support, use --mode simple',
  })),
  {
    code: 'ERR_NBD_PROTOCOL',
    says: /block status|BLOCK_STATUS/,
    command: 'copy',
    advice: "to copy without asking for the source's block map, use --no-extents",
  },
  { code: 'ERR_NBD_UNKNOWN_EXPORT', advice: 'to list all exports on the server, use nbd info --list' },
  { code: 'ERR_NBD_EXISTS', command: 'certs', advice: 'to replace files that are there, use --force' },
  { code: 'ERR_NBD_TLS_REQUIRED', advice: 'to use TLS, begin the URI with nbds: or nbds+unix:, or use --tls require' },
  { code: 'ERR_NBD_TLS_REFUSED', advice: 'if clear text is sufficient, begin the URI with nbd: or nbd+unix:' },
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
    says: /cannot be checked against a host name/,
    advice: "to name the host that the server's certificate is for, use --tls-hostname NAME",
  },
];

/** Returns what the user could do about an error of a command, if there is advice. */
export function suggestion(error: unknown, command?: string): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || isToldByProgram(error)) return undefined;
  const { code, message } = error;
  return suggestions.find(
    (one) =>
      one.code === code && one.says?.test(message) !== false && (one.command === undefined || one.command === command),
  )?.advice;
}

/**
 * A program in brackets usually has one export. If it does not have that, it could not open its file or its server, and
 * has said so on standard error, unless its message is about exports.
 */
function isToldByProgram(error: Error): boolean {
  if (!(error instanceof NegotiationError && error.code === 'ERR_NBD_UNKNOWN_EXPORT')) return false;
  return error.message.startsWith('[ ') && !/\bexport\b/i.test(error.serverText ?? '');
}
