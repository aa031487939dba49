/** What an error reply means to the caller. */
import { NegotiationError, type NegotiationErrorCode } from '@nbdjs/interfaces';
import { OptionReply, optionReplies, options, quoted } from '@nbdjs/protocol';

interface RefusalRow {
  readonly code: NegotiationErrorCode;
  /** Completes `the server ...`. */
  readonly says: string;
  /** Whether the same option may succeed later. */
  readonly passing?: true;
}

const rows: Readonly<Record<number, RefusalRow>> = {
  [OptionReply.ErrUnsupported]: { code: 'ERR_NBD_OPTION_UNSUPPORTED', says: 'does not support it' },
  [OptionReply.ErrPolicy]: { code: 'ERR_NBD_POLICY', says: 'denies it' },
  [OptionReply.ErrInvalid]: { code: 'ERR_NBD_INVALID_OPTION', says: 'finds it invalid' },
  [OptionReply.ErrPlatform]: { code: 'ERR_NBD_PLATFORM', says: 'was built without support for it' },
  [OptionReply.ErrTlsRequired]: { code: 'ERR_NBD_TLS_REQUIRED', says: 'requires TLS first' },
  [OptionReply.ErrUnknown]: { code: 'ERR_NBD_UNKNOWN_EXPORT', says: 'has no such export' },
  [OptionReply.ErrShutdown]: { code: 'ERR_NBD_SERVER_SHUTDOWN', says: 'is shutting down', passing: true },
  [OptionReply.ErrBlockSizeRequired]: {
    code: 'ERR_NBD_BLOCK_SIZE_REQUIRED',
    says: 'requires the client to ask for block sizes',
  },
  [OptionReply.ErrTooBig]: { code: 'ERR_NBD_TOO_BIG', says: 'finds the request or its answer too big' },
  [OptionReply.ErrExtendedHeadersRequired]: {
    code: 'ERR_NBD_EXTENDED_HEADERS_REQUIRED',
    says: 'requires extended headers first',
  },
};

/** An error reply, before it is decided whether it is an error for the caller. */
export interface Refusal {
  readonly option: number;
  /** The error reply's type. */
  readonly replyType: number;
  /** One line; empty when the server sent no text. */
  readonly serverText: string;
  /** The export that the option was about, if it was about one. */
  readonly exportName: string | undefined;
}

/** The error for a refusal; `code` where it differs from the usual one. */
export function refusalError(refusal: Refusal, code?: NegotiationErrorCode): NegotiationError {
  const { option, replyType, serverText, exportName } = refusal;
  const row = rows[replyType];
  const says = row?.says ?? `refuses it with ${optionReplies.name(replyType)}`;
  const subject = exportName === undefined ? '' : ` for ${nameOfExport(exportName)}`;
  const echo = serverText === '' ? '' : `; server reported: ${serverText}`;
  const name = options.name(option);
  return new NegotiationError(code ?? codeOf(refusal), `option ${name}${subject} failed: the server ${says}${echo}`, {
    option: name,
    serverText: serverText === '' ? undefined : serverText,
    permanent: row?.passing !== true,
  });
}

/** The same for an option that is not even sent. */
export function avoidedError(option: number): NegotiationError {
  const name = options.name(option);
  const message = `option ${name} is not sent: the server fails at it`;
  return new NegotiationError('ERR_NBD_OPTION_UNSUPPORTED', message, { option: name });
}

/** `export 'x'`, or `the default export` for the empty name. */
export function nameOfExport(exportName: string): string {
  return exportName === '' ? 'the default export' : `export ${quoted(exportName)}`;
}

function codeOf({ replyType, exportName }: Refusal): NegotiationErrorCode {
  // UNKNOWN is about exports; for an option without one it cannot mean that an export is unknown.
  if (replyType === OptionReply.ErrUnknown && exportName === undefined) return 'ERR_NBD_OPTION_REFUSED';
  return rows[replyType]?.code ?? 'ERR_NBD_OPTION_REFUSED';
}
