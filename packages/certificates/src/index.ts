/**
 * Small certificate authorities for TLS: server and client certificates, revocation lists and files with pre-shared keys, as text
 * and in a folder under the names that NBD programs look for.
 *
 * @packageDocumentation
 */
export {
  type AuthorityOptions,
  type CertificateAuthority,
  type ClientCertificateOptions,
  type Credentials,
  createAuthority,
  openAuthority,
  type RevocationOptions,
  type ServerCertificateOptions,
} from './authority.ts';
export { type CertificateFiles, fileNames, type WriteOptions, writeFolder } from './folder.ts';
export type { KeyOptions } from './key-pair.ts';
export { createPsk, formatPskFile, type Psk } from './psk.ts';
export type { Validity } from './validity.ts';
