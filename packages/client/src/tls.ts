/** TLS as a URI and options together ask for it. */
import { UsageError } from '@nbdjs/interfaces';
import type { UriTls } from '@nbdjs/protocol';
import type { TlsClientKey, TlsClientSettings } from '@nbdjs/transport';
import type { ConnectOptions } from './options.ts';
import type { ResolvedTarget } from './target.ts';

/** Whether a connection uses TLS, and how. */
export interface ResolvedTls {
  /** `off`: no TLS. `allow`: clear text when the server refuses TLS, which an attacker in between can bring about. `require`: only TLS. */
  readonly mode: 'off' | 'allow' | 'require';
  /** How TLS is set up, for `createTlsClient` of `@nbdjs/transport`. `undefined` where `mode` is `off`. */
  readonly settings: TlsClientSettings | undefined;
}

/**
 * Returns whether TLS is used, and how. A URI of a scheme without TLS that has details about TLS allows it; one without details does
 * not.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` for what a URI cannot ask for here, `ERR_NBD_URI` for files that it may not name,
 *   `ERR_NBD_ARGUMENT` when a key is missing.
 */
export function resolveTls(
  target: ResolvedTarget,
  { tls = {}, allowLocalFiles = false }: Pick<ConnectOptions, 'allowLocalFiles' | 'tls'>,
): ResolvedTls {
  const { mode: wanted = Object.keys(tls).length > 0 ? 'require' : undefined, ...options } = tls;
  const mode = target.tlsRequired ? 'require' : (wanted ?? (hasDetails(target.tls) ? 'allow' : 'off'));
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

/** Returns whether a URI has details about TLS. A user name alone is none. */
function hasDetails({ userName: _, ...details }: UriTls): boolean {
  return Object.values(details).some((value) => value !== undefined);
}

function checkUri({ tls, name }: ResolvedTarget, allowLocalFiles: boolean): UriTls {
  if (tls.type === 'anon') {
    throw new UsageError(
      'ERR_NBD_NOT_SUPPORTED',
      `${name}: tls-type=anon is not supported, it would authenticate no peer`,
    );
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

/** Returns the shared key, unless certificates are asked for, in the URI or as an option. */
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
