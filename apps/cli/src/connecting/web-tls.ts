/** TLS below WebSocket and HTTP, from the same folders as that of NBD. */
import type { ConnectTls } from '@nbdjs/client';
import { readTlsIdentity, type TlsServerSettings } from '@nbdjs/transport';
import { argumentError } from '../errors/argument-error.ts';

/** Settings of TLS for a client, as the command line gives them. */
export type TlsSettings = Omit<ConnectTls, 'mode'> & { readonly mode?: ConnectTls['mode'] };

/** Returns the settings of a client in the words of Node's TLS. */
export function clientNodeTls(tls: TlsSettings | undefined) {
  const { certificates, hostname, verifyPeer, psk } = tls ?? {};
  if (psk !== undefined) throw argumentError('--tls-psk does not work with wss and https, which use certificates');
  const identity = certificates?.folder === undefined ? undefined : readTlsIdentity(certificates, 'client');
  if (identity !== undefined && identity.ca === undefined && identity.cert === undefined) {
    throw argumentError(`${certificates?.folder} has neither ca-cert.pem nor client-cert.pem`);
  }
  return {
    ...identity,
    ...(hostname === undefined ? {} : { servername: hostname }),
    ...(verifyPeer === false ? { rejectUnauthorized: false } : {}),
  };
}

/** Returns the settings of a server in the words of Node's TLS; `undefined` for one without TLS. */
export function serverNodeTls(settings: TlsServerSettings | undefined) {
  if (settings === undefined) return undefined;
  const { certificates, psk, allow, verifyPeer, mode } = settings;
  const folder = certificates?.folder;
  if (psk !== undefined || folder === undefined) {
    throw argumentError('--tls-psk does not work with --web, which uses certificates');
  }
  if (allow !== undefined) throw argumentError('--tls-authz does not work with --web');
  if (mode === 'allow') throw argumentError('--tls allow does not work with --web: its clients come by TLS or without');
  const identity = readTlsIdentity({ ...certificates, folder }, 'server');
  const requestCert = verifyPeer ?? identity.ca !== undefined;
  if (requestCert && identity.ca === undefined) throw argumentError(`--tls-verify-peer: ${folder} has no ca-cert.pem`);
  return { ...identity, requestCert, rejectUnauthorized: requestCert };
}
