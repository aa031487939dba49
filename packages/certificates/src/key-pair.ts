/** Key pairs: made, read from PEM, and written as PEM, with a passphrase if there is one. */
import { createPrivateKey, createPublicKey, KeyObject, type webcrypto } from 'node:crypto';
import { UsageError } from '@nbdjs/interfaces';

/** How a private key is stored. */
export interface KeyOptions {
  /** Encrypts the private key (PKCS #8 with AES-256). @default none: every user who can read the file has the key */
  readonly passphrase?: string | undefined;
}

export interface KeyPair {
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
}

const { subtle } = globalThis.crypto;

/** The curve P-256: its keys are made quickly, and every TLS library supports it. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
/** The name of the same curve in OpenSSL. */
const curve = 'prime256v1';

/** How certificates and lists are signed. */
export const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };

export async function createKeyPair(): Promise<KeyPair> {
  return (await subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/**
 * Reads a private key, and derives the public one from it.
 *
 * @throws UsageError for a key of another kind than `createKeyPair` makes, and for a wrong passphrase.
 */
export async function parseKeyPair(pem: string, passphrase?: string): Promise<KeyPair> {
  const key = readPrivateKey(pem, passphrase);
  const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
  if (kind !== curve) {
    throw new UsageError('ERR_NBD_ARGUMENT', `the private key is of the kind ${kind}, expected the curve ${curve}`);
  }
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
}

function readPrivateKey(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch (cause) {
    const isEncrypted = pem.includes('ENCRYPTED');
    const reason = !isEncrypted ? 'it is not a key' : passphrase === undefined ? 'it is encrypted' : 'wrong passphrase';
    throw new UsageError('ERR_NBD_ARGUMENT', `the private key cannot be read: ${reason}`, { cause });
  }
}

/** The private key as PKCS #8. */
export function formatPrivateKey({ privateKey }: KeyPair, passphrase: string | undefined): string {
  const key = KeyObject.from(privateKey);
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return key.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString();
}
