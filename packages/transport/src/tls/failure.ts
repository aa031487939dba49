/** What went wrong with TLS, in words for people, and whether it would go wrong again. */
import { ConnectError, NbdError, ProtocolError } from '@nbdjs/interfaces';
import { type Chain, faultOfChain } from './chain.ts';

/** Which side is at the other end. */
export type PeerRole = 'client' | 'server';

/** What Node and OpenSSL report besides a message. */
type TlsError = NodeJS.ErrnoException;

interface Row {
  /** `{peer}` and `{own}` stand for the two sides. */
  readonly says: string;
  /** Whether another attempt may succeed. */
  readonly passing?: true;
}

const untrusted = { says: "the {peer}'s certificate is not signed by an authority that is trusted here" };
const otherKey = { says: 'the {peer} has another key for this user' };
const noCommonVersion = { says: 'the {peer} supports no version of TLS that is supported here (1.2 and 1.3)' };
const nothingInCommon = {
  says: 'the {peer} refuses the {own}: it expects other versions, ciphers, a (or another) certificate, or a shared key',
};
const noSharedKey = { says: 'the {peer} has no such user, has another key for it, or expects certificates' };
const certificateInstead = { says: 'the {peer} sends a certificate, although a shared key was expected' };

/** By the codes of Node's errors. Those about certificates are OpenSSL's names without the prefix `X509_V_ERR_`. */
const rows: Readonly<Record<string, Row>> = {
  CERT_HAS_EXPIRED: { says: "the {peer}'s certificate has expired" },
  CERT_NOT_YET_VALID: { says: "the {peer}'s certificate is not valid yet" },
  CERT_REVOKED: { says: "the {peer}'s certificate is revoked" },
  CERT_REJECTED: { says: "the {peer}'s certificate is not trusted for this purpose" },
  CERT_UNTRUSTED: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_SIGNATURE_FAILURE: { says: "the {peer}'s certificate has a wrong signature" },
  CERT_CHAIN_TOO_LONG: { says: "there are too many certificates between the {peer}'s and its authority's" },
  INVALID_CA: { says: "the {peer}'s certificate is signed by one that may not sign any" },
  PATH_LENGTH_EXCEEDED: { says: "the {peer}'s certificate is signed by one that may not sign any" },
  INVALID_PURPOSE: { says: "the {peer}'s certificate is not meant for a {peer}" },
  UNABLE_TO_GET_CRL: { says: "there is no list of revoked certificates from the authority of the {peer}'s" },
  CRL_HAS_EXPIRED: { says: 'the list of revoked certificates has expired' },
  CRL_NOT_YET_VALID: { says: 'the list of revoked certificates is not valid yet' },
  CRL_SIGNATURE_FAILURE: { says: 'the list of revoked certificates has a wrong signature' },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: {
    says: "the {peer} does not know the authority that signed the {own}'s certificate",
  },
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: { says: "the {peer} does not accept the {own}'s certificate" },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: { says: "the {peer} does not accept the {own}'s certificate" },
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: { says: "the {peer} does not support the {own}'s kind of certificate" },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: { says: "the {peer} considers the {own}'s certificate expired" },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: { says: "the {peer} considers the {own}'s certificate revoked" },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: { says: 'the {peer} requires a certificate of the {own}' },
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: { says: 'the {peer} sends no certificate, although one is required here' },
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: { says: 'the {peer} denies access' },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: noCommonVersion,
  ERR_SSL_UNSUPPORTED_PROTOCOL: noCommonVersion,
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: noCommonVersion,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: nothingInCommon,
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY: nothingInCommon,
  ERR_SSL_NO_SHARED_CIPHER: { says: 'the {peer} supports none of the ciphers that are used here' },
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: { says: "the {peer} cannot check the {own}'s kind of certificate" },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY: { says: 'the {peer} has no shared key of this user' },
  ERR_SSL_PSK_IDENTITY_NOT_FOUND: { says: 'the {peer} uses a shared key of a user that is not known here' },
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: otherKey,
  ERR_SSL_BINDER_DOES_NOT_VERIFY: otherKey,
  ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER: { says: 'the {peer} rejects a part of the handshake as illegal' },
  ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC: { says: 'the {peer} cannot decipher what it receives' },
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: { says: 'the {peer} has an internal error', passing: true },
  ERR_SSL_TLSV1_ALERT_USER_CANCELLED: { says: 'the {peer} has cancelled the handshake', passing: true },
  ERR_SSL_TLSV1_ALERT_NO_RENEGOTIATION: { says: 'the {peer} refuses a new negotiation' },
  ERR_TLS_RENEGOTIATION_DISABLED: { says: 'the {peer} asks for a new negotiation' },
};

/** The same codes mean something else where keys are shared. */
const sharedKeyRows: Readonly<Record<string, Row>> = {
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: noSharedKey,
  ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER: otherKey,
  ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC: otherKey,
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: otherKey,
  ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: otherKey,
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: {
    says: 'the {peer} uses no key that is known here: another user, or certificates',
  },
  ERR_SSL_NO_SHARED_CIPHER: { says: 'the {peer} uses no shared keys' },
  DEPTH_ZERO_SELF_SIGNED_CERT: certificateInstead,
  SELF_SIGNED_CERT_IN_CHAIN: certificateInstead,
  UNABLE_TO_GET_ISSUER_CERT: certificateInstead,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificateInstead,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificateInstead,
};

const spoiltHere = {
  says: 'what the {peer} sent cannot be deciphered, so it was changed on the way',
  passing: true,
} as const;
const spoiltThere = {
  says: 'the {peer} cannot decipher what it got, so it was changed on the way',
  passing: true,
} as const;
const noRecord = { says: 'what the {peer} sent is not TLS, so it was changed on the way', passing: true } as const;

/** The same codes after the handshake: the bytes were changed on the way, so another connection may succeed. */
const establishedRows: Readonly<Record<string, Row>> = {
  ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: spoiltHere,
  ERR_SSL_LENGTH_TOO_SHORT: spoiltHere,
  // With TLS 1.2, each kind of cipher has a code of its own for this.
  ERR_SSL_CIPHER_OPERATION_FAILED: spoiltHere,
  ERR_SSL_INVALID_AAD: spoiltHere,
  ERR_SSL_INVALID_DATA: spoiltHere,
  ERR_SSL_WRONG_VERSION_NUMBER: noRecord,
  ERR_SSL_BAD_RECORD_TYPE: noRecord,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noRecord,
  ERR_SSL_RECORD_LENGTH_MISMATCH: noRecord,
  ERR_SSL_ENCRYPTED_LENGTH_TOO_LONG: noRecord,
  ERR_SSL_DATA_LENGTH_TOO_LONG: noRecord,
  ERR_SSL_UNEXPECTED_MESSAGE: noRecord,
  ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC: spoiltThere,
  ERR_SSL_SSLV3_ALERT_UNEXPECTED_MESSAGE: spoiltThere,
  ERR_SSL_TLSV1_ALERT_RECORD_OVERFLOW: spoiltThere,
  ERR_SSL_TLSV1_ALERT_DECODE_ERROR: spoiltThere,
};

/** OpenSSL's errors for a first record that is no record of TLS. */
const clearTextCodes: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNKNOWN_PROTOCOL',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_BAD_RECORD_TYPE',
  'ERR_SSL_RECORD_LENGTH_MISMATCH',
]);

/** What the system reports when the other side has disconnected. */
const hungUpCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** Returns a better error for one that came after the handshake. The error of a lost connection is returned unchanged. */
export function explainTlsError(error: Error, peer: PeerRole, ownFault?: string): Error {
  const { code = '' } = error as TlsError;
  if (error instanceof NbdError) return error;
  const row = establishedRows[code] ?? rows[code];
  return row !== undefined || code.startsWith('ERR_SSL') ? tlsFailure(error, peer, row, { ownFault }) : error;
}

/** Makes the error for a server that closes the connection right after the handshake, without an alert. */
export function refusedSilently(ownFault: string | undefined): ConnectError {
  const message =
    "TLS failed: the server hung up directly after the TLS handshake, as servers do that refuse a client's certificate";
  return new ConnectError('ERR_NBD_TLS', withFault(message, ownFault));
}

/** Adds what is wrong with our own certificate. */
function withFault(message: string, ownFault: string | undefined): string {
  return ownFault === undefined ? message : `${message}; ${ownFault}`;
}

/** Refusals that may be due to our own certificate. */
const refusesOwn =
  /^ERR_SSL_(SSLV3_ALERT_(BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|HANDSHAKE_FAILURE)|TLSV1_ALERT_(UNKNOWN_CA|ACCESS_DENIED))$/;

/** What else is known of a handshake. */
export interface HandshakeCircumstances {
  /** What a peer means that hangs up without an alert depends on that. */
  readonly usesSharedKeys: boolean;
  /** The peer's certificates, as far as they have arrived. */
  readonly chain: Chain;
  /** What is wrong with our own certificate. */
  readonly ownFault: string | undefined;
}

/** Makes the error for a TLS handshake that has failed; `error` is absent when the connection just ended. */
export function handshakeFailure(
  error: Error | undefined,
  peer: PeerRole,
  { usesSharedKeys, chain, ownFault }: HandshakeCircumstances,
): NbdError {
  if (error instanceof NbdError) return error;
  const { code = '' } = (error ?? {}) as TlsError;
  if (error === undefined || hungUpCodes.has(code)) return hungUp(peer, usesSharedKeys, error, ownFault);
  if (clearTextCodes.has(code)) return clearText(peer, error);
  const row = (usesSharedKeys ? sharedKeyRows[code] : undefined) ?? rows[code];
  return tlsFailure(error, peer, row, { chain: usesSharedKeys ? [] : chain, ownFault });
}

/** S25: after STARTTLS only TLS may follow. An attacker could insert bytes in clear text that would be trusted later. */
export function clearText(peer: PeerRole, cause?: Error): ProtocolError {
  const request = peer === 'server' ? 'its consent to TLS' : 'its request for TLS';
  const message = `the ${peer} sent clear text after ${request}, where only TLS may follow`;
  return new ProtocolError('clear-text-behind-starttls', message, { phase: 'option', rule: 'S25', cause });
}

function hungUp(
  peer: PeerRole,
  usesSharedKeys: boolean,
  cause: Error | undefined,
  ownFault: string | undefined,
): ConnectError {
  const hint = usesSharedKeys && peer === 'server' ? ', which may mean that it has no such user, or another key' : '';
  const message = withFault(`TLS failed: the ${peer} hung up during the TLS handshake${hint}`, ownFault);
  return new ConnectError('ERR_NBD_TLS', message, { cause });
}

function tlsFailure(
  error: TlsError,
  peer: PeerRole,
  row: Row | undefined,
  { chain = [], ownFault }: { readonly chain?: Chain; readonly ownFault?: string | undefined },
): ConnectError {
  const { code = '' } = error;
  const isForAnother = code === otherHostCode;
  const says = isForAnother ? error.message : (faultOfChain(code, chain, peer) ?? row?.says ?? plain(error));
  const own = peer === 'server' ? 'client' : 'server';
  const message = `TLS failed: ${says.replaceAll('{peer}', peer).replaceAll('{own}', own)}`;
  const permanent = row !== undefined ? row.passing !== true : isForAnother || !code.startsWith('ERR_');
  return new ConnectError('ERR_NBD_TLS', refusesOwn.test(code) ? withFault(message, ownFault) : message, {
    cause: error,
    permanent,
  });
}

/** Node's code for a certificate that is for another host. */
export const otherHostCode = 'ERR_TLS_CERT_ALTNAME_INVALID';

/** OpenSSL's reasons, for errors without a code of Node's, or with a code without information. */
const words: Readonly<Record<string, string>> = {
  'permitted subtree violation': "an authority of the {peer}'s certificate may not sign for this name",
  'excluded subtree violation': "an authority of the {peer}'s certificate may not sign for this name",
  'key usage does not include certificate signing': "the {peer}'s certificate is signed by one that may not sign any",
  'ca signature digest algorithm too weak': 'a certificate is signed by a method that is too weak, such as SHA-1',
  'ca md too weak': 'a certificate is signed by a method that is too weak, such as SHA-1',
  'ee certificate key too weak': "the key of the {peer}'s certificate is too short",
  'ca certificate key too weak': 'the key of an authority is too short',
  'ee key too small': 'the key of a certificate is too short',
  'ca key too small': 'the key of an authority is too short',
};

/** OpenSSL's own words, without the numbers and file names around them, or better ones. */
export function plain({ message }: Error): string {
  const reason =
    (/:[\w ]+ routines:[^:]*:([^:]+)(?::|$)/.exec(message)?.[1] ?? message).split('\n', 1)[0]?.trim() ?? '';
  return (
    words[reason.toLowerCase()] ?? (reason === 'UNSPECIFIED' ? "the {peer}'s certificate cannot be verified" : reason)
  );
}
