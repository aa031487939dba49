/**
 * Settings of TLS with their checks made and their defaults filled in.
 *
 * A shared key is one of several objects, each with names of its own. `defineOptions` has no such unions, so their names are checked
 * by `checkOptions`.
 */
import { UsageError } from '@nbdjs/interfaces';
import { checkOptions, optionChecks } from '@nbdjs/kit';
import {
  type ResolvedClientSettings,
  type ResolvedServerSettings,
  type TlsCertificates,
  type TlsClientKey,
  type TlsClientSettings,
  type TlsServerKeys,
  type TlsServerSettings,
  tlsCertificates,
  tlsClientOptions,
  tlsServerOptions,
} from './settings.ts';

const { callback, object, text } = optionChecks;

const key = { expected: 'a Uint8Array', holds: (value: unknown) => value instanceof Uint8Array };
const ofClientKey = { file: text, key, user: text };
const ofServerKeys = { file: text, find: callback, keys: object };

/** @throws UsageError naming the setting that is unknown or of the wrong kind. */
export function resolveClientSettings(given: TlsClientSettings | undefined): ResolvedClientSettings {
  const settings = tlsClientOptions.resolve('tls', given);
  checkClientKey(settings.psk);
  return { ...settings, certificates: resolveCertificates(settings.certificates) };
}

/** @throws UsageError naming the setting that is unknown or of the wrong kind. */
export function resolveServerSettings(given: TlsServerSettings): ResolvedServerSettings {
  const settings = tlsServerOptions.resolve('tls', given);
  checkServerKeys(settings.psk);
  return { ...settings, certificates: resolveCertificates(settings.certificates) };
}

function resolveCertificates(given: TlsCertificates | undefined): TlsCertificates | undefined {
  return given === undefined ? undefined : tlsCertificates.resolve('tls.certificates', given);
}

function checkClientKey(psk: TlsClientKey | undefined): void {
  if (psk === undefined) return;
  checkOptions('tls.psk', psk, ofClientKey);
  const { file, user, key: bytes }: { file?: string; user?: string | undefined; key?: Uint8Array } = psk;
  if (file !== undefined || (user !== undefined && bytes !== undefined)) return;
  throw new UsageError('ERR_NBD_ARGUMENT', 'tls.psk: there is no key in it, expected { user, key } or { file }');
}

function checkServerKeys(psk: TlsServerKeys | undefined): void {
  if (psk === undefined) return;
  checkOptions('tls.psk', psk, ofServerKeys);
  if (Object.values(psk).some((value) => value !== undefined)) return;
  throw new UsageError('ERR_NBD_ARGUMENT', 'tls.psk: there is no key in it, expected { file }, { keys } or { find }');
}
