/** Options about TLS: of commands that connect, and of `nbd serve`. */
import { Option } from '@commander-js/extra-typings';
import { argumentError } from '../errors/argument-error.ts';
import type { OptionsOf } from './command-context.ts';
import { optionGroup } from './option-group.ts';
import { gather } from './size.ts';

export type ClientTlsOptions = OptionsOf<typeof clientTlsOptions>;
export type ServerTlsOptions = OptionsOf<typeof serverTlsOptions>;

const modes = ['off', 'allow', 'require'] as const;

/** Options of a command that connects to servers. */
export function clientTlsOptions() {
  return optionGroup()
    .addOption(new Option('--tls <when>', 'use TLS with servers (nbds:// always does)').choices(modes))
    .option(
      '--tls-certificates <folder>',
      'folder with ca-cert.pem, and client-cert.pem and client-key.pem if the server asks',
    )
    .option('--tls-psk <file>', 'file with keys that are shared with the server, in lines of user:key')
    .option('--tls-passphrase-file <file>', 'file whose first line decrypts an encrypted key in the folder')
    .option('--tls-hostname <name>', 'the name that the certificate has to be for, if not the host of the URI')
    .option('--tls-verify-peer', 'check the certificate (default)')
    .option('--no-tls-verify-peer', 'do not check it: any machine could be the server');
}

/** Options of a command that serves. */
export function serverTlsOptions() {
  return optionGroup()
    .addOption(
      new Option('--tls <when>', 'TLS for clients (default: require, with one of the two below)').choices(modes),
    )
    .option('--tls-certificates <folder>', 'folder with ca-cert.pem, server-cert.pem and server-key.pem')
    .option('--tls-psk <file>', 'file with keys that are shared with clients, in lines of user:key')
    .option('--tls-passphrase-file <file>', 'file whose first line decrypts an encrypted key in the folder')
    .option(
      '--tls-verify-peer',
      'clients have to show a certificate, too (default, where the folder has a ca-cert.pem)',
    )
    .option('--no-tls-verify-peer', 'clients need no certificate: every one that reaches the server is served')
    .option(
      '--tls-authz <pattern>',
      'serve only clients that this matches: CN=alice,O=Example, or the user of a key; * matches any text (repeatable)',
      gather,
    );
}

/** Where certificates and keys come from, and whether the other side has to show one. */
export interface TlsSources {
  readonly certificates?: { readonly folder: string; readonly passphraseFile: string | undefined };
  readonly psk?: { readonly file: string };
  readonly verifyPeer?: boolean;
}

/** @throws UsageError when they exclude each other. */
export function tlsSources(options: ClientTlsOptions | ServerTlsOptions): TlsSources {
  const { tlsCertificates: folder, tlsPassphraseFile: passphraseFile, tlsPsk: file, tlsVerifyPeer } = options;
  if (folder !== undefined && file !== undefined) {
    throw argumentError('--tls-certificates and --tls-psk exclude each other');
  }
  if (passphraseFile !== undefined && folder === undefined) {
    throw argumentError('--tls-passphrase-file needs --tls-certificates, the folder with the key that it opens');
  }
  return {
    ...(folder === undefined ? {} : { certificates: { folder, passphraseFile } }),
    ...(file === undefined ? {} : { psk: { file } }),
    ...(tlsVerifyPeer === undefined ? {} : { verifyPeer: tlsVerifyPeer }),
  };
}
