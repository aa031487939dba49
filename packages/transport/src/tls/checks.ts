/** Checks of TLS settings at run time, for callers without a compiler. */
import { UsageError } from '@nbdjs/interfaces';
import { checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import type { TlsCertificates, TlsClientKey, TlsClientSettings, TlsServerKeys, TlsServerSettings } from './settings.ts';

const { boolean, callback, either, object, oneOf, text, texts } = optionChecks;

const ofClient: OptionChecks<TlsClientSettings> = {
  certificates: object,
  hostname: text,
  psk: object,
  verifyPeer: boolean,
};

const ofServer: OptionChecks<TlsServerSettings> = {
  allow: either(texts, callback),
  certificates: object,
  mode: oneOf('off', 'allow', 'require'),
  psk: object,
  verifyPeer: boolean,
};

const ofCertificates: OptionChecks<TlsCertificates> = {
  ca: text,
  cert: text,
  crl: text,
  folder: text,
  key: text,
  passphrase: text,
  passphraseFile: text,
};

const key = { expected: 'a Uint8Array', holds: (value: unknown) => value instanceof Uint8Array };
const ofClientKey = { file: text, key, user: text };
const ofServerKeys = { file: text, find: callback, keys: object };

/** @throws UsageError naming the setting that is unknown or of the wrong kind. */
export function checkClientSettings(settings: TlsClientSettings): void {
  checkOptions('tls', settings, ofClient);
  checkOptions('tls.certificates', settings.certificates, ofCertificates);
  checkClientKey(settings.psk);
}

/** @throws UsageError naming the setting that is unknown or of the wrong kind. */
export function checkServerSettings(settings: TlsServerSettings): void {
  checkOptions('tls', settings, ofServer);
  checkOptions('tls.certificates', settings.certificates, ofCertificates);
  checkServerKeys(settings.psk);
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
