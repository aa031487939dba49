/** What client and server have in common: versions, ciphers, and what is known of a session. */
import type { TLSSocket } from 'node:tls';
import type { TlsPeer } from '@nbdjs/interfaces';
import { nameOfSubject } from './x509.ts';

/** G8: nothing older than TLS 1.2. */
export const secureVersions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const;

/**
 * The ciphers for shared keys: of TLS 1.3 the one suite whose hash such keys are for, of TLS 1.2 those with forward secrecy. An attacker
 * who learns the key later then cannot read what was recorded before.
 */
export const pskCiphers = [
  'TLS_AES_128_GCM_SHA256',
  'DHE-PSK-AES256-GCM-SHA384',
  'DHE-PSK-AES128-GCM-SHA256',
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-CHACHA20-POLY1305',
  'ECDHE-PSK-AES128-CBC-SHA256',
].join(':');

/** How the peer has identified itself: by a certificate, by the name of a shared key, or not at all. */
export type Evidence = 'certificate' | { readonly user: string } | undefined;

export function describeSession(socket: TLSSocket, evidence: Evidence): TlsPeer {
  const protocol = socket.getProtocol() ?? 'unknown';
  const cipher = socket.getCipher().standardName;
  if (evidence === undefined) return { protocol, cipher };
  if (evidence !== 'certificate') return { protocol, cipher, user: evidence.user };
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return { protocol, cipher, subject: certificate === undefined ? undefined : nameOfSubject(certificate) };
}
