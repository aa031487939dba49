/** What a server's handshake may be told. */
import { limits, silent, type Trace, UsageError } from '@nbdjs/interfaces';

/**
 * Whether there is TLS ("NOTLS mode", "FORCEDTLS mode" and "SELECTIVETLS mode" of the specification): never, for everything,
 * or for the exports that are offered as `tlsOnly`.
 */
export type ServerTlsMode = 'none' | 'forced' | 'selective';

export interface ServerHandshakeOptions {
  /**
   * `oldstyle`: tell of the default export at once, for clients from before 2007; without options, structured replies and TLS.
   * @default 'newstyle'
   */
  readonly style?: 'newstyle' | 'oldstyle' | undefined;
  /** @default 'none' */
  readonly tls?: ServerTlsMode | undefined;
  /** Offer structured replies and extended headers. @default 'extended' */
  readonly mode?: 'simple' | 'structured' | 'extended' | undefined;
  readonly limits?: Partial<ServerHandshakeLimits> | undefined;
  readonly trace?: Trace | undefined;
}

export interface ServerHandshakeLimits {
  /** A longer option is let go by and refused with `ERR_TOO_BIG`. In bytes. */
  readonly optionBytesMax: number;
  /** A client that sends more options is cut off. */
  readonly optionsMax: number;
  /** A client whose options have more payload than this, all together, is cut off. In bytes. */
  readonly optionsBytesMax: number;
  /** Contexts that can be selected at a time. */
  readonly contextsMax: number;
}

export interface ServerHandshakeSettings {
  readonly style: 'newstyle' | 'oldstyle';
  readonly tls: ServerTlsMode;
  readonly mode: 'simple' | 'structured' | 'extended';
  readonly limits: ServerHandshakeLimits;
  readonly trace: Trace;
}

/** @throws UsageError naming the option that is wrong. */
export function settle(options: ServerHandshakeOptions): ServerHandshakeSettings {
  const { style = 'newstyle', tls = 'none', mode = 'extended', trace = silent } = options;
  if (style === 'oldstyle' && tls !== 'none') {
    throw new UsageError('ERR_NBD_ARGUMENT', `the oldstyle handshake knows no TLS, which is '${tls}'`);
  }
  const settled = {
    optionBytesMax: options.limits?.optionBytesMax ?? limits.optionBytesMax,
    optionsMax: options.limits?.optionsMax ?? limits.optionsMax,
    optionsBytesMax: options.limits?.optionsBytesMax ?? limits.optionsBytesMax,
    contextsMax: options.limits?.contextsMax ?? limits.contextsMax,
  };
  for (const [name, value] of Object.entries(settled)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UsageError('ERR_NBD_ARGUMENT', `limits.${name} is ${value}, expected at least 1`);
    }
  }
  return { style, tls, mode, limits: settled, trace };
}
