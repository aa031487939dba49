/**
 * The error classes: one for each thing that the caller can do about it.
 *
 * Each has a literal `code`; `instanceof` works across duplicate copies of this package, because it compares a brand.
 * Errors lose their class when they cross a thread, so each has plain data in its fields only; `toErrorRecord` of
 * `@nbdjs/kit` carries them across.
 */

import type { Offset } from './offset.ts';
import { ruleSections } from './rule-sections.ts';

const brand = Symbol.for('@nbdjs/error');

export interface NbdErrorOptions {
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

export type UsageErrorCode =
  | 'ERR_NBD_ARGUMENT'
  | 'ERR_NBD_URI'
  | 'ERR_NBD_OUT_OF_BOUNDS'
  | 'ERR_NBD_UNALIGNED'
  | 'ERR_NBD_TOO_LONG'
  | 'ERR_NBD_EMPTY'
  | 'ERR_NBD_NOT_SUPPORTED'
  | 'ERR_NBD_READ_ONLY'
  | 'ERR_NBD_CLOSED'
  | 'ERR_NBD_EXISTS'
  | 'ERR_NBD_STATE';

/** Your call is wrong; repeating it will not help. Nothing was sent. */
export class UsageError extends NbdError {
  override readonly name = 'UsageError';
  readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode, message: string, options?: NbdErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where in its life a connection was. */
export type ProtocolPhase = 'handshake' | 'option' | 'transmission';

export interface ProtocolErrorDetails extends NbdErrorOptions {
  readonly phase: ProtocolPhase;
  /** The bytes that broke the rule, at most 64 of them are kept as hex. */
  readonly excerpt?: Uint8Array | undefined;
  /** Id of the rule in docs/conformance.md, such as `C54`. */
  readonly rule?: string | undefined;
}

/** The peer broke the specification. The connection is gone, and a new one would meet the same peer. */
export class ProtocolError extends NbdError {
  override readonly name = 'ProtocolError';
  readonly code = 'ERR_NBD_PROTOCOL';
  /** A short kebab-case name of what went wrong, such as `unexpected-cookie`. */
  readonly violation: string;
  readonly phase: ProtocolPhase;
  /** Id of the broken rule in docs/conformance.md, such as `C51`. */
  readonly rule?: string | undefined;
  /** Heading of the section that the rule stands in, in the specification, such as `Structured reply types`. */
  readonly section?: string | undefined;
  /** The offending bytes as hex, at most 64 of them. */
  readonly excerptHex?: string | undefined;

  constructor(violation: string, message: string, details: ProtocolErrorDetails) {
    super(message, details);
    this.violation = violation;
    this.phase = details.phase;
    this.rule = details.rule;
    this.section = sectionOf(details);
    this.excerptHex = details.excerpt === undefined ? undefined : toHex(details.excerpt);
  }
}

export type NegotiationErrorCode =
  | 'ERR_NBD_UNKNOWN_EXPORT'
  | 'ERR_NBD_TLS_REQUIRED'
  | 'ERR_NBD_TLS_REFUSED'
  | 'ERR_NBD_POLICY'
  | 'ERR_NBD_INVALID_OPTION'
  | 'ERR_NBD_PLATFORM'
  | 'ERR_NBD_SERVER_SHUTDOWN'
  | 'ERR_NBD_BLOCK_SIZE_REQUIRED'
  | 'ERR_NBD_TOO_BIG'
  | 'ERR_NBD_EXTENDED_HEADERS_REQUIRED'
  | 'ERR_NBD_OPTION_UNSUPPORTED'
  | 'ERR_NBD_OPTION_REFUSED'
  | 'ERR_NBD_FACTS_CHANGED';

export interface NegotiationErrorDetails extends NbdErrorOptions {
  /** The option that was refused, by its name in the specification without prefix, such as `GO`. */
  readonly option?: string | undefined;
  /** What the server said about it, one line, control characters removed. */
  readonly serverText?: string | undefined;
  /** Whether the same request would be refused again. */
  readonly permanent?: boolean | undefined;
}

/** The peer refused, as it is entitled to. */
export class NegotiationError extends NbdError {
  override readonly name = 'NegotiationError';
  readonly code: NegotiationErrorCode;
  readonly option?: string | undefined;
  readonly serverText?: string | undefined;
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
export type CommandErrorCode = 'EPERM' | 'EIO' | 'ENOMEM' | 'EINVAL' | 'ENOSPC' | 'EOVERFLOW' | 'ENOTSUP' | 'ESHUTDOWN';

export interface CommandErrorDetails extends NbdErrorOptions {
  /** Which command failed, such as `READ`. */
  readonly command?: string | undefined;
  readonly offset?: Offset | undefined;
  readonly length?: Offset | undefined;
  readonly serverText?: string | undefined;
  /** The number as it stood on the wire, when it was none of the known ones. */
  readonly wireNumber?: number | undefined;
}

/** This request failed; the connection is fine. */
export class CommandError extends NbdError {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  readonly command?: string | undefined;
  readonly offset?: Offset | undefined;
  readonly length?: Offset | undefined;
  readonly serverText?: string | undefined;
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

export type ConnectErrorCode =
  | 'ERR_NBD_CONNECT'
  | 'ERR_NBD_CONNECT_NONE_YET'
  | 'ERR_NBD_HOST_NOT_FOUND'
  | 'ERR_NBD_REFUSED'
  | 'ERR_NBD_NOT_NBD'
  | 'ERR_NBD_PEER_CLOSED'
  | 'ERR_NBD_OUT_OF_STEP'
  | 'ERR_NBD_COMMAND'
  | 'ERR_NBD_TLS'
  | 'ERR_NBD_WORKER';

export interface ConnectErrorDetails extends NbdErrorOptions {
  /** How many attempts were made before this was reported. */
  readonly attempts?: number | undefined;
  /** Whether trying again is pointless. */
  readonly permanent?: boolean | undefined;
  /** The option that the server could not stand, by its name in the specification without prefix, such as `GO`. */
  readonly option?: string | undefined;
}

/** There is no usable server. */
export class ConnectError extends NbdError {
  override readonly name = 'ConnectError';
  readonly code: ConnectErrorCode;
  readonly attempts: number;
  readonly permanent: boolean;
  readonly option?: string | undefined;

  constructor(code: ConnectErrorCode, message: string, details: ConnectErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.attempts = details.attempts ?? 1;
    this.permanent = details.permanent ?? false;
    this.option = details.option;
  }
}

export type TimeoutPhase = 'connect' | 'handshake' | 'open' | 'request' | 'silence' | 'stall' | 'idle' | 'close';

export interface TimeoutErrorDetails extends NbdErrorOptions {
  /** The option of the handshake that was not answered, by its name, such as `GO`. */
  readonly option?: string | undefined;
}

/** It took too long. */
export class TimeoutError extends NbdError {
  override readonly name = 'TimeoutError';
  readonly code = 'ERR_NBD_TIMEOUT';
  readonly phase: TimeoutPhase;
  readonly option?: string | undefined;

  constructor(phase: TimeoutPhase, message: string, details?: TimeoutErrorDetails) {
    super(message, details);
    this.phase = phase;
    this.option = details?.option;
  }
}

/** The connection went away under a request. */
export class ConnectionLostError extends NbdError {
  override readonly name = 'ConnectionLostError';
  readonly code = 'ERR_NBD_CONNECTION_LOST';
  /** `not-sent`: the server never saw the request. `unknown`: it may have been carried out. */
  readonly outcome: 'not-sent' | 'unknown';

  constructor(outcome: 'not-sent' | 'unknown', message: string, options?: NbdErrorOptions) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** A part of an export that may have lost what was written to it, in bytes. */
export interface LostRange {
  readonly offset: bigint;
  readonly length: bigint;
}

/**
 * Writes that the server had acknowledged, and that were not flushed yet, may be gone: the server was lost, and they could not
 * be replayed. Write the ranges once more, and flush.
 */
export class WritesLostError extends NbdError {
  override readonly name = 'WritesLostError';
  readonly code = 'ERR_NBD_WRITES_LOST';
  /** Ascending; where they were very many, what lies between them is included. */
  readonly ranges: readonly LostRange[];

  constructor(ranges: readonly LostRange[], message: string, options?: NbdErrorOptions) {
    super(message, options);
    this.ranges = ranges;
  }
}

function sectionOf({ rule, phase }: ProtocolErrorDetails): string | undefined {
  const section = rule === undefined ? undefined : ruleSections[rule];
  if (typeof section !== 'object') return section;
  return phase === 'transmission' ? section.transmission : section.handshake;
}

function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes.subarray(0, 64)) hex += byte.toString(16).padStart(2, '0');
  return bytes.length > 64 ? `${hex}...` : hex;
}
