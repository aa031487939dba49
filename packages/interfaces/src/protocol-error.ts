/** The error for a peer that breaks the specification: which rule, in which section, and by which bytes. */
import { NbdError, type NbdErrorOptions } from './errors.ts';
import { ruleSections } from './rule-sections.ts';

/** The phase of a connection. */
export type ProtocolPhase = 'handshake' | 'option' | 'transmission';

/** What a `ProtocolError` has about the rule that was broken. */
export interface ProtocolErrorDetails extends NbdErrorOptions {
  /** The phase of the connection. */
  readonly phase: ProtocolPhase;
  /** The bytes that broke the rule, at most 64 of them are kept as hex. */
  readonly excerpt?: Uint8Array | undefined;
  /** Id of the rule in docs/conformance.md, such as `C54`. */
  readonly rule?: string | undefined;
}

/** The peer broke the specification. The connection has ended, and a new one would lead to the same peer. */
export class ProtocolError extends NbdError {
  override readonly name = 'ProtocolError';
  /** The same for every broken rule; `violation` and `rule` name the rule. */
  readonly code = 'ERR_NBD_PROTOCOL';
  /** A short kebab-case name of what went wrong, such as `unexpected-cookie`. */
  readonly violation: string;
  /** The phase of the connection. */
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
