/** What the caller wants of a handshake, and the defaults for the rest. */
import { baseAllocation, type HeaderMode, type LimitOptions, silent, type Trace, UsageError } from '@nbdjs/interfaces';
import { settleLimits } from '@nbdjs/kit';
import { encodeName, encodeText, HandshakeFlag, Option, options as optionNames, quoted } from '@nbdjs/protocol';

export interface ClientHandshakeOptions {
  /** The export to use; empty for the server's default. @default '' */
  readonly exportName?: string | undefined;
  /** Ask for this mode at most. @default 'extended' */
  readonly mode?: HeaderMode | undefined;
  /** Metadata contexts to select on the way to transmission. @default ['base:allocation'] */
  readonly contexts?: readonly string[] | undefined;
  /** Select whatever contexts the server lists for the export besides: for those who hand all of them on. @default false */
  readonly allContexts?: boolean | undefined;
  /** Ask for the export's canonical name and description too. @default false */
  readonly fullInfo?: boolean | undefined;
  /** Ask for block sizes, which binds us to respect them. @default true */
  readonly requestBlockSizes?: boolean | undefined;
  /**
   * `off`: never ask for TLS. `allow`: use it when the server can, else go on in clear text. `require`: with TLS or not
   * at all. In option mode, `off` leaves `startTls()` to the caller. @default 'off'
   */
  readonly tls?: 'off' | 'allow' | 'require' | undefined;
  /** Handshake flags that may be agreed on (see `HandshakeFlag`). @default both */
  readonly handshakeFlags?: number | undefined;
  /** Stop when options can be sent and let the caller drive. @default false */
  readonly optionMode?: boolean | undefined;
  /** Options that the server cannot stand: what they are for is done without, or by others. @default none */
  readonly avoid?: readonly AvoidableOption[] | undefined;
  /** Bounds for what the server sends. */
  readonly limits?: LimitOptions<keyof HandshakeLimits> | undefined;
  readonly trace?: Trace | undefined;
}

/** Options that a handshake can do without, by their names in the specification. */
export const avoidableOptions = [
  'EXTENDED_HEADERS',
  'STRUCTURED_REPLY',
  'LIST_META_CONTEXT',
  'SET_META_CONTEXT',
  'INFO',
  'GO',
] as const;

export type AvoidableOption = (typeof avoidableOptions)[number];

/** Bounds for what the server sends; see the table of limits in `@nbdjs/interfaces`. */
export interface HandshakeLimits {
  /** Payload of one option reply, in bytes. */
  readonly optionReplyBytesMax: number;
  /** Option replies to one option, list entries aside. */
  readonly optionRepliesMax: number;
  /** Exports in one list. */
  readonly listEntriesMax: number;
  /** Names and descriptions of one list together, in bytes. */
  readonly listBytesMax: number;
  /** Metadata contexts in one selection or list. */
  readonly contextsMax: number;
}

const limitNames = [
  'optionReplyBytesMax',
  'optionRepliesMax',
  'listEntriesMax',
  'listBytesMax',
  'contextsMax',
] as const satisfies readonly (keyof HandshakeLimits)[];

/** The same with nothing left open. */
export interface HandshakeSettings {
  readonly exportName: string;
  readonly mode: HeaderMode;
  readonly contexts: readonly string[];
  readonly allContexts: boolean;
  readonly fullInfo: boolean;
  readonly requestBlockSizes: boolean;
  readonly tls: 'off' | 'allow' | 'require';
  readonly handshakeFlags: number;
  readonly optionMode: boolean;
  /** Numbers of options. */
  readonly avoid: ReadonlySet<number>;
  readonly limits: HandshakeLimits;
  readonly trace: Trace;
}

/**
 * Fills in the defaults.
 *
 * @throws UsageError when a name cannot travel, a context's name is none or a limit is none.
 */
export function settle(options: ClientHandshakeOptions): HandshakeSettings {
  const exportName = options.exportName ?? '';
  encodeName(exportName);
  return {
    exportName,
    mode: options.mode ?? 'extended',
    contexts: checkQueries(options.contexts ?? [baseAllocation]),
    allContexts: options.allContexts ?? false,
    fullInfo: options.fullInfo ?? false,
    requestBlockSizes: options.requestBlockSizes ?? true,
    tls: options.tls ?? 'off',
    handshakeFlags: options.handshakeFlags ?? HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes,
    optionMode: options.optionMode ?? false,
    avoid: numbersOf(options.avoid ?? []),
    limits: settleLimits(limitNames, options.limits),
    trace: options.trace ?? silent,
  };
}

function numbersOf(avoid: readonly AvoidableOption[]): ReadonlySet<number> {
  for (const name of avoid) {
    if (avoidableOptions.includes(name)) continue;
    const message = `option ${quoted(String(name))} cannot be avoided (expected ${avoidableOptions.join(', ')})`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const avoided: readonly string[] = avoid;
  return new Set(Object.values(Option).filter((option) => avoided.includes(optionNames.name(option))));
}

/** Whether a context can be asked for by a name. */
export function isQuery(name: string): boolean {
  return /^[^\s\p{Cc}:]+:/u.test(name);
}

/**
 * Checks queries for metadata contexts (checklist C32: a printable namespace, a colon, a leaf) and drops repetitions.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT`.
 */
export function checkQueries(queries: readonly string[]): readonly string[] {
  for (const query of queries) {
    if (!isQuery(query)) {
      const message = `metadata context ${quoted(query)} is no valid name: expected NAMESPACE:LEAF`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    encodeText(query, 'metadata context');
  }
  return [...new Set(queries)];
}
