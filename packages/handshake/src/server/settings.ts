/** The options of a server's handshake, and their defaults. */
import { type LimitOptions, silent, type Trace, UsageError } from '@nbdjs/interfaces';
import { settleLimits } from '@nbdjs/kit';
import type { ServerHandshakeEvents } from '../events.ts';

/**
 * Whether there is TLS. `off`: never ("NOTLS mode" of the specification). `allow`: for clients that ask for it; exports that are
 * offered as `tlsOnly` are refused to all others ("SELECTIVETLS mode"). `require`: for everything ("FORCEDTLS mode").
 */
export type ServerTlsMode = 'off' | 'allow' | 'require';

/** What a server agrees to in its handshake. */
export interface ServerHandshakeOptions {
  /**
   * `oldstyle`: tell of the default export at once, for clients from before 2007; without options, structured replies and TLS.
   * @default 'newstyle'
   */
  readonly style?: 'newstyle' | 'oldstyle' | undefined;
  /** @default 'off' */
  readonly tls?: ServerTlsMode | undefined;
  /** Offer structured replies and extended headers. @default 'extended' */
  readonly mode?: 'simple' | 'structured' | 'extended' | undefined;
  /** Bounds for what the client sends. @default those of `limits` in `@nbdjs/interfaces` */
  readonly limits?: LimitOptions<keyof ServerHandshakeLimits> | undefined;
  /** Where events are published. @default nowhere */
  readonly trace?: Trace<ServerHandshakeEvents> | undefined;
}

/** Bounds for what the client sends. Each is a whole number, from 1 on. */
export interface ServerHandshakeLimits {
  /** A longer option is skipped and refused with `ERR_TOO_BIG`. In bytes. */
  readonly optionBytesMax: number;
  /** A client that sends more options is cut off. */
  readonly optionsMax: number;
  /** A client whose options have more payload than this, all together, is cut off. In bytes. */
  readonly optionsBytesMax: number;
  /** An option with more queries for metadata contexts is refused. */
  readonly contextQueriesMax: number;
  /** Contexts that can be selected at a time. */
  readonly contextsMax: number;
}

const limitNames = [
  'optionBytesMax',
  'optionsMax',
  'optionsBytesMax',
  'contextQueriesMax',
  'contextsMax',
] as const satisfies readonly (keyof ServerHandshakeLimits)[];

export interface ServerHandshakeSettings {
  readonly style: 'newstyle' | 'oldstyle';
  readonly tls: ServerTlsMode;
  readonly mode: 'simple' | 'structured' | 'extended';
  readonly limits: ServerHandshakeLimits;
  readonly trace: Trace<ServerHandshakeEvents>;
}

/** @throws UsageError naming the option that is wrong. */
export function resolveServerOptions(options: ServerHandshakeOptions): ServerHandshakeSettings {
  const { style = 'newstyle', tls = 'off', mode = 'extended', trace = silent } = options;
  if (style === 'oldstyle' && tls !== 'off') {
    throw new UsageError('ERR_NBD_ARGUMENT', `the oldstyle handshake knows no TLS, which is '${tls}'`);
  }
  return { style, tls, mode, limits: settleLimits(limitNames, options.limits), trace };
}
