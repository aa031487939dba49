/** TLS as a URI and options together want it. */
import { UsageError } from '@nbdjs/interfaces';
import type { UriTls } from '@nbdjs/protocol';
import type { TlsClientKey, TlsClientSettings } from '@nbdjs/transport';
import type { ResolvedTarget } from './target.ts';

/** TLS with the server: whether, and how. */
export interface ConnectTls extends TlsClientSettings {
  /**
   * `off`: never. `allow`: when the server can, else go on in clear text, which anybody in between can bring about. `require`: with
   * TLS or not at all; the `nbds` schemes always mean that.
   *
   * @default 'require'
   */
  readonly mode?: 'off' | 'allow' | 'require' | undefined;
}

export interface TlsWishes {
  /** Options go before what the URI says. @default what the URI says */
  readonly tls?: ConnectTls | undefined;
  /**
   * Let the URI name files of this machine (`tls-certificates`, `tls-psk-file`). Only for URIs whose author may look at them.
   *
   * @default false
   */
  readonly allowLocalFiles?: boolean | undefined;
}

export interface ResolvedTls {
  readonly mode: 'off' | 'allow' | 'require';
  /** How, unless the defaults will do. */
  readonly settings: TlsClientSettings | undefined;
}

/**
 * Whether there is to be TLS, and how. A plain URI with details about TLS allows it, one without does not.
 *
 * @throws UsageError for what is not possible here, or not allowed.
 */
export function resolveTls(target: ResolvedTarget, { tls = {}, allowLocalFiles = false }: TlsWishes): ResolvedTls {
  const { mode: wish = Object.keys(tls).length > 0 ? 'require' : undefined, ...options } = tls;
  const mode = target.tlsRequired ? 'require' : (wish ?? (hasDetails(target.tls) ? 'allow' : 'off'));
  if (mode === 'off') return { mode, settings: undefined };
  const uri = checkUri(target, allowLocalFiles);
  const psk = sharedKey(target, uri, options);
  const certificates =
    options.certificates ?? (uri.certificates === undefined ? undefined : { folder: uri.certificates });
  return {
    mode,
    settings: {
      ...(psk === undefined ? { certificates } : { psk }),
      hostname: options.hostname ?? uri.hostname,
      verifyPeer: options.verifyPeer ?? uri.verifyPeer,
    },
  };
}

/** A user alone says nothing about TLS. */
function hasDetails({ userName: _, ...details }: UriTls): boolean {
  return Object.values(details).some((value) => value !== undefined);
}

function checkUri({ tls, name }: ResolvedTarget, allowLocalFiles: boolean): UriTls {
  if (tls.type === 'anon') {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${name}: tls-type=anon is not supported, it would keep nobody out`);
  }
  if (tls.priority !== undefined) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${name}: tls-priority is not supported, which is GnuTLS's own`);
  }
  const files = { 'tls-certificates': tls.certificates, 'tls-psk-file': tls.pskFile };
  const [named] = Object.entries(files).find(([, file]) => file !== undefined) ?? [];
  if (named !== undefined && !allowLocalFiles) {
    throw new UsageError('ERR_NBD_URI', `${name}: ${named} names files of this machine, which is not allowed here`);
  }
  return tls;
}

/** Whoever says certificates, in the URI or as an option, does not mean a shared key. */
function sharedKey(target: ResolvedTarget, uri: UriTls, options: TlsClientSettings): TlsClientKey | undefined {
  const { type, pskFile, userName: user } = uri;
  if (options.psk !== undefined) return 'file' in options.psk ? { user, ...withoutAbsent(options.psk) } : options.psk;
  if (options.certificates !== undefined || type === 'x509') return undefined;
  if (pskFile !== undefined) return { file: pskFile, user };
  if (type !== 'psk') return undefined;
  throw new UsageError(
    'ERR_NBD_ARGUMENT',
    `${target.name}: tls-type=psk needs a shared key (tls-psk-file, or tls.psk)`,
  );
}

function withoutAbsent<Settings extends object>(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Settings;
}
