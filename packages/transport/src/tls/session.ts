/** What client and server have in common: versions, ciphers, and what is known of a session. */
import type { TLSSocket } from 'node:tls';
import type { TlsPeer } from '@nbdjs/interfaces';
import { nameOfSubject } from './x509.ts';

/** G8: nothing older than TLS 1.2. */
export const secureVersions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' } as const;

/**
 * What goes with shared keys: the one suite of TLS 1.3 whose hash they have, and those of TLS 1.2 with forward secrecy, so that
 * nobody who learns the key later can read what was recorded.
 */
export const pskCiphers = [
  'TLS_AES_128_GCM_SHA256',
  'DHE-PSK-AES256-GCM-SHA384',
  'DHE-PSK-AES128-GCM-SHA256',
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-CHACHA20-POLY1305',
  'ECDHE-PSK-AES128-CBC-SHA256',
].join(':');

/** How the other side has shown who it is: by a certificate that was checked, by a shared key's name, or not at all. */
export type Evidence = 'certificate' | { readonly user: string } | undefined;

export function describeSession(socket: TLSSocket, evidence: Evidence): TlsPeer {
  const protocol = socket.getProtocol() ?? 'unknown';
  const cipher = socket.getCipher().standardName;
  if (evidence === undefined) return { protocol, cipher };
  if (evidence !== 'certificate') return { protocol, cipher, user: evidence.user };
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return { protocol, cipher, subject: certificate === undefined ? undefined : nameOfSubject(certificate) };
}
