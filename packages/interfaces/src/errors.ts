/**
 * The error classes: one for each thing that the caller can do about it.
 *
 * Each has a literal `code`; `instanceof` works across duplicate copies of this package, because it compares a brand. Errors lose their
 * class when they are posted to another thread, so each has plain data in its fields only; `toErrorRecord` of `@nbdjs/kit` converts them
 * for that.
 */

import type { Offset } from './offset.ts';

const brand = Symbol.for('@nbdjs/error');

/** What every error can be given besides its message. */
export interface NbdErrorOptions {
  /** The error that caused this one. */
  readonly cause?: unknown;
}

/** Further facts that an error carries besides its message; plain data only. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** The root of all errors that this project throws. Aborts are not among them: they rethrow `signal.reason`. */
export abstract class NbdError extends Error {
  /** A literal such as `ERR_NBD_UNKNOWN_EXPORT`, stable across versions. */
  abstract readonly code: string;

  constructor(message: string, options?: NbdErrorOptions) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    Object.defineProperty(this, brand, { value: new.target.name, enumerable: false });
  }

  /** Makes `instanceof` true for instances of every copy of this package, by comparing brands. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(brand in value)) return false;
    // biome-ignore lint/complexity/noThisInStatic: this is the class behind `instanceof`, each looks for its own brand
    return this.name === 'NbdError' || (value as Record<symbol, unknown>)[brand] === this.name;
  }
}

/** Returns whether an error is one of the classes of this module. */
export function isNbdError(error: unknown): error is NbdError {
  return error instanceof NbdError;
}

/** Why a call is wrong. */
export type UsageErrorCode =
  /** An argument or an option has a wrong type or value. */
  | 'ERR_NBD_ARGUMENT'
  /** A text is not an NBD URI. */
  | 'ERR_NBD_URI'
  /** A range is not wholly inside the device. */
  | 'ERR_NBD_OUT_OF_BOUNDS'
  /** A range does not fit the device's blocks. */
  | 'ERR_NBD_UNALIGNED'
  /** A request or a text is longer than allowed. */
  | 'ERR_NBD_TOO_LONG'
  /** A range has no bytes. */
  | 'ERR_NBD_EMPTY'
  /** The device or the system lacks an ability. */
  | 'ERR_NBD_NOT_SUPPORTED'
  /** The device cannot be written to. */
  | 'ERR_NBD_READ_ONLY'
  /** It is closed already. */
  | 'ERR_NBD_CLOSED'
  /** It exists already, and would be overwritten. */
  | 'ERR_NBD_EXISTS'
  /** A disk image is damaged, or is none: another one has to be given. */
  | 'ERR_NBD_IMAGE'
  /** The call does not fit what is under way. */
  | 'ERR_NBD_STATE';

/** Your call is wrong; repeating it will not help. Nothing was sent. */
export class UsageError extends NbdError {
  override readonly name = 'UsageError';
  /** Why the call is wrong. */
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode, message: string, options?: NbdErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why the peer refused: mostly the error replies of the handshake ("Option reply types"). */
export type NegotiationErrorCode =
  /** There is no export of that name (`NBD_REP_ERR_UNKNOWN`). */
  | 'ERR_NBD_UNKNOWN_EXPORT'
  /** The server demands TLS first (`NBD_REP_ERR_TLS_REQD`). */
  | 'ERR_NBD_TLS_REQUIRED'
  /** TLS was demanded, and the peer does not have it. */
  | 'ERR_NBD_TLS_REFUSED'
  /** The server is configured to refuse (`NBD_REP_ERR_POLICY`). */
  | 'ERR_NBD_POLICY'
  /** The option is malformed, or not valid now (`NBD_REP_ERR_INVALID`). */
  | 'ERR_NBD_INVALID_OPTION'
  /** The server's platform does not support it (`NBD_REP_ERR_PLATFORM`). */
  | 'ERR_NBD_PLATFORM'
  /** The server is about to stop (`NBD_REP_ERR_SHUTDOWN`). */
  | 'ERR_NBD_SERVER_SHUTDOWN'
  /** The export needs a client that asks for block sizes (`NBD_REP_ERR_BLOCK_SIZE_REQD`). */
  | 'ERR_NBD_BLOCK_SIZE_REQUIRED'
  /** The option is too long for the server (`NBD_REP_ERR_TOO_BIG`). */
  | 'ERR_NBD_TOO_BIG'
  /** The server demands extended headers first (`NBD_REP_ERR_EXT_HEADER_REQD`). */
  | 'ERR_NBD_EXTENDED_HEADERS_REQUIRED'
  /** The server does not support the option (`NBD_REP_ERR_UNSUP`). */
  | 'ERR_NBD_OPTION_UNSUPPORTED'
  /** The option was refused with an error that has no code of its own here. */
  | 'ERR_NBD_OPTION_REFUSED'
  /** A connection that replaces a lost one has another export than before. */
  | 'ERR_NBD_FACTS_CHANGED';

/** What a `NegotiationError` has about the refusal. */
export interface NegotiationErrorDetails extends NbdErrorOptions {
  /** The option that was refused, by its name in the specification without prefix, such as `GO`. */
  readonly option?: string | undefined;
  /** The server's text about it, one line, control characters removed. */
  readonly serverText?: string | undefined;
  /** Whether the same request would be refused again. */
  readonly permanent?: boolean | undefined;
}

/** The peer refused, as the specification allows. */
export class NegotiationError extends NbdError {
  override readonly name = 'NegotiationError';
  /** Why the peer refused. */
  readonly code: NegotiationErrorCode;
  /** The option that was refused, by its name in the specification without prefix, such as `GO`. */
  readonly option?: string | undefined;
  /** The server's text about it, one line, control characters removed. */
  readonly serverText?: string | undefined;
  /** Whether the same request would be refused again. @default true */
  readonly permanent: boolean;

  constructor(code: NegotiationErrorCode, message: string, details: NegotiationErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.option = details.option;
    this.serverText = details.serverText;
    this.permanent = details.permanent ?? true;
  }
}

/** The errors that NBD has numbers for. */
export type CommandErrorCode =
  /** It is not allowed, such as a write to a read-only export (`NBD_EPERM`). */
  | 'EPERM'
  /** Reading or writing failed, or any other reason that has no number of its own (`NBD_EIO`). */
  | 'EIO'
  /** There is no memory for it now (`NBD_ENOMEM`). */
  | 'ENOMEM'
  /** The request is wrong, or does not fit the export (`NBD_EINVAL`). */
  | 'EINVAL'
  /** There is no room, or the range is past the end (`NBD_ENOSPC`). */
  | 'ENOSPC'
  /** The answer cannot be given in the form that was asked for (`NBD_EOVERFLOW`). */
  | 'EOVERFLOW'
  /** It cannot be done, or not quickly (`NBD_ENOTSUP`). */
  | 'ENOTSUP'
  /** The server is about to stop (`NBD_ESHUTDOWN`). */
  | 'ESHUTDOWN';

/** What a `CommandError` has about the request that failed. */
export interface CommandErrorDetails extends NbdErrorOptions {
  /** Which command failed, such as `READ`. */
  readonly command?: string | undefined;
  /** First byte of the range, from the start of the device. */
  readonly offset?: Offset | undefined;
  /** Length of the range, in bytes. */
  readonly length?: Offset | undefined;
  /** The server's text about it, one line, control characters removed. */
  readonly serverText?: string | undefined;
  /** The number that was sent, when it was none of the known ones. */
  readonly wireNumber?: number | undefined;
}

/** This request failed; the connection is fine. */
export class CommandError extends NbdError {
  override readonly name = 'CommandError';
  /** The number that the peer sent or will be sent, by its name ("Error values"). */
  readonly code: CommandErrorCode;
  /** Which command failed, such as `READ`. */
  readonly command?: string | undefined;
  /** First byte of the range, from the start of the device. */
  readonly offset?: Offset | undefined;
  /** Length of the range, in bytes. */
  readonly length?: Offset | undefined;
  /** The server's text about it, one line, control characters removed. */
  readonly serverText?: string | undefined;
  /** The number that was sent, when it was none of the known ones. */
  readonly wireNumber?: number | undefined;

  constructor(code: CommandErrorCode, message: string, details: CommandErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.command = details.command;
    this.offset = details.offset;
    this.length = details.length;
    this.serverText = details.serverText;
    this.wireNumber = details.wireNumber;
  }
}

/** Why there is no usable server. */
export type ConnectErrorCode =
  /** The connection cannot be made, or the address is not available. */
  | 'ERR_NBD_CONNECT'
  /** No connection is established yet, and the caller asked not to wait. */
  | 'ERR_NBD_CONNECT_NONE_YET'
  /** The host's name has no address. */
  | 'ERR_NBD_HOST_NOT_FOUND'
  /** Nothing listens there. */
  | 'ERR_NBD_REFUSED'
  /** The peer uses another protocol. */
  | 'ERR_NBD_NOT_NBD'
  /** The peer ended the connection during the handshake. */
  | 'ERR_NBD_PEER_CLOSED'
  /** The answers do not belong to the options that were sent. */
  | 'ERR_NBD_OUT_OF_STEP'
  /** The program that should serve cannot be started, or has ended. */
  | 'ERR_NBD_COMMAND'
  /** The TLS handshake failed. */
  | 'ERR_NBD_TLS'
  /** The thread that connects failed. */
  | 'ERR_NBD_WORKER';

/** What a `ConnectError` has about the attempts. */
export interface ConnectErrorDetails extends NbdErrorOptions {
  /** How many attempts were made before this was reported. */
  readonly attempts?: number | undefined;
  /** Whether a new attempt would fail in the same way. */
  readonly permanent?: boolean | undefined;
  /** The option at which the server failed, by its name in the specification without prefix, such as `GO`. */
  readonly option?: string | undefined;
}

/** There is no usable server. */
export class ConnectError extends NbdError {
  override readonly name = 'ConnectError';
  /** Why there is no usable server. */
  readonly code: ConnectErrorCode;
  /** How many attempts were made before this was reported. @default 1 */
  readonly attempts: number;
  /** Whether a new attempt would fail in the same way. @default false */
  readonly permanent: boolean;
  /** The option at which the server failed, by its name in the specification without prefix, such as `GO`. */
  readonly option?: string | undefined;

  constructor(code: ConnectErrorCode, message: string, details: ConnectErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.attempts = details.attempts ?? 1;
    this.permanent = details.permanent ?? false;
    this.option = details.option;
  }
}

/**
 * What took too long: making a connection, its handshake, opening an export, one request, a peer that sends no byte,
 * one that takes no byte, a client without requests, or closing.
 */
export type TimeoutPhase = 'connect' | 'handshake' | 'open' | 'request' | 'silence' | 'stall' | 'idle' | 'close';

/** What a `TimeoutError` has about the event that did not come. */
export interface TimeoutErrorDetails extends NbdErrorOptions {
  /** The option of the handshake that was not answered, by its name, such as `GO`. */
  readonly option?: string | undefined;
}

/** It took too long. */
export class TimeoutError extends NbdError {
  override readonly name = 'TimeoutError';
  /** The same for every limit of time; `phase` names the limit. */
  readonly code = 'ERR_NBD_TIMEOUT';
  /** What took too long. */
  readonly phase: TimeoutPhase;
  /** The option of the handshake that was not answered, by its name, such as `GO`. */
  readonly option?: string | undefined;

  constructor(phase: TimeoutPhase, message: string, details?: TimeoutErrorDetails) {
    super(message, details);
    this.phase = phase;
    this.option = details?.option;
  }
}

/** The connection was lost while a request was in flight. */
export class ConnectionLostError extends NbdError {
  override readonly name = 'ConnectionLostError';
  /** The same for every loss; `outcome` is its meaning for the request. */
  readonly code = 'ERR_NBD_CONNECTION_LOST';
  /** `not-sent`: the server never received the request. `unknown`: it may have been carried out. */
  readonly outcome: 'not-sent' | 'unknown';

  constructor(outcome: 'not-sent' | 'unknown', message: string, options?: NbdErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** A part of an export that may have lost what was written to it, in bytes. */
export interface LostRange {
  /** First byte, from the start of the export. */
  readonly offset: bigint;
  /** Length in bytes, never 0. */
  readonly length: bigint;
}

/**
 * Writes that the server had acknowledged, and that were not flushed yet, may be gone: the server was lost, and they could not
 * be replayed. Write the ranges once more, and flush.
 */
export class WritesLostError extends NbdError {
  override readonly name = 'WritesLostError';
  /** The same for every loss; `ranges` is what has to be written once more. */
  readonly code = 'ERR_NBD_WRITES_LOST';
  /** Ascending; where there were very many, the gaps between them are included. */
  readonly ranges: readonly LostRange[];

  constructor(ranges: readonly LostRange[], message: string, options?: NbdErrorOptions) {
    super(message, options);
    this.ranges = ranges;
  }
}
