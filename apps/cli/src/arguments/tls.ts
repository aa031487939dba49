/** Options about TLS: of those who connect, and of those who serve. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@nbdjs/interfaces';
import { parseUri } from '@nbdjs/protocol';
import type { TlsPeer, TlsServerSettings } from '@nbdjs/server';
import { type Command, Option } from 'commander';
import { describeOperand, type Operand } from './operands.ts';

/** What was said on the command line. */
export interface TlsWords {
  readonly mode: 'off' | 'allow' | 'require' | undefined;
  /** A folder. */
  readonly certificates: string | undefined;
  /** A file whose first line opens the key. */
  readonly passphraseFile: string | undefined;
  /** A file of shared keys. */
  readonly psk: string | undefined;
  readonly hostname: string | undefined;
  readonly verifyPeer: boolean | undefined;
  /** Patterns for whom to serve. */
  readonly authz: readonly string[] | undefined;
}

const modes = ['off', 'allow', 'require'];

/** Adds what those who connect may say. */
export function addClientTls(command: Command): Command {
  return command
    .addOption(new Option('--tls <when>', 'use TLS with servers (nbds:// always does)').choices(modes))
    .option(
      '--tls-certificates <folder>',
      'with ca-cert.pem, and client-cert.pem and client-key.pem if the server asks',
    )
    .option('--tls-psk <file>', 'with a key that is shared with the server, from lines of user:key')
    .option('--tls-passphrase-file <file>', 'whose first line opens an encrypted key in the folder')
    .option('--tls-hostname <name>', 'whom the certificate has to be for, if not the host of the URI')
    .option('--tls-verify-peer', 'check the certificate (default)')
    .option('--no-tls-verify-peer', 'do not: anybody could be the server');
}

/** Adds what those who serve may say. */
export function addServerTls(command: Command): Command {
  return command
    .addOption(
      new Option('--tls <when>', 'TLS for clients (default: require, with one of the two below)').choices(modes),
    )
    .option('--tls-certificates <folder>', 'with ca-cert.pem, server-cert.pem and server-key.pem')
    .option('--tls-psk <file>', 'with keys that are shared with clients, from lines of user:key')
    .option('--tls-passphrase-file <file>', 'whose first line opens an encrypted key in the folder')
    .option(
      '--tls-verify-peer',
      'clients have to show a certificate, too (default, where the folder has a ca-cert.pem)',
    )
    .option('--no-tls-verify-peer', 'they need none: whoever reaches the server is served')
    .option(
      '--tls-authz <pattern>',
      'serve only whom this fits: CN=alice,O=Example, or the user of a key; * stands for any text; may be repeated',
      (pattern: string, others: readonly string[] = []) => [...others, pattern],
    );
}

/** What the two above have collected. */
export function tlsWords(options: Readonly<Record<string, unknown>>): TlsWords {
  const words: TlsWords = {
    mode: options.tls as TlsWords['mode'],
    certificates: options.tlsCertificates as string | undefined,
    passphraseFile: options.tlsPassphraseFile as string | undefined,
    psk: options.tlsPsk as string | undefined,
    hostname: options.tlsHostname as string | undefined,
    verifyPeer: options.tlsVerifyPeer as boolean | undefined,
    authz: options.tlsAuthz as string[] | undefined,
  };
  if (words.certificates !== undefined && words.psk !== undefined) {
    throw bad('--tls-certificates and --tls-psk exclude each other');
  }
  if (words.passphraseFile !== undefined && words.certificates === undefined) {
    throw bad('--tls-passphrase-file needs --tls-certificates, the folder with the key that it opens');
  }
  return words;
}

/**
 * Joins what was said with a server that it is said about. Without `--tls` it is meant for those of the servers whose URIs demand
 * TLS, or for all if none does.
 */
export function withTls<Some extends Operand>(
  operand: Some,
  words: TlsWords,
  operands: readonly Operand[] = [operand],
): Some {
  const { mode, certificates, passphraseFile, psk, hostname, verifyPeer } = words;
  const settings = {
    ...(certificates === undefined ? {} : { certificates: { folder: certificates, passphraseFile } }),
    ...(psk === undefined ? {} : { psk: { file: psk } }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(verifyPeer === undefined ? {} : { verifyPeer }),
  };
  if (mode === undefined && Object.keys(settings).length === 0) return operand;
  if (!operands.some(isServer)) throw bad('options about TLS need a server to talk to');
  if (!isServer(operand)) return operand;
  if (demandsTls(operand)) {
    if (mode === 'off') throw bad(`${describeOperand(operand)} demands TLS, but --tls says off`);
    return { ...operand, tls: { mode: 'require', ...settings } };
  }
  const own = mode ?? (operands.some(demandsTls) ? 'off' : 'require');
  return { ...operand, tls: own === 'off' ? { mode: own } : { mode: own, ...settings } };
}

type Server = Extract<Operand, { type: 'uri' | 'command' }>;

function isServer(operand: Operand): operand is Server {
  return operand.type === 'uri' || operand.type === 'command';
}

function demandsTls(server: Operand): boolean {
  return server.type === 'uri' && parseUri(server.uri).tlsRequired;
}

/** How a server is told. Nothing for one without TLS. */
export function serverTls(words: TlsWords): TlsServerSettings | undefined {
  const { mode, certificates, passphraseFile, psk, verifyPeer, authz } = words;
  if (certificates === undefined && psk === undefined) {
    const [lonely] = [
      mode !== undefined && mode !== 'off' && `--tls ${mode}`,
      verifyPeer === true && '--tls-verify-peer',
      authz !== undefined && '--tls-authz',
    ].filter((option) => option !== false);
    if (lonely === undefined) return undefined;
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `${lonely} needs --tls-certificates or --tls-psk (nbd certs makes what they name)`,
    );
  }
  if (mode === 'off') return undefined;
  if (authz !== undefined && verifyPeer === false) throw bad('--tls-authz and --no-tls-verify-peer exclude each other');
  if (psk !== undefined && verifyPeer === true)
    throw bad('--tls-verify-peer is about certificates, and --tls-psk uses none');
  return {
    mode: mode ?? 'require',
    ...(certificates === undefined ? {} : { certificates: { folder: certificates, passphraseFile } }),
    ...(psk === undefined ? {} : { psk: { file: psk } }),
    ...(verifyPeer === undefined ? {} : { verifyPeer }),
    ...(authz === undefined ? {} : { allow: allowance(authz) }),
  };
}

/**
 * Lets in whoever fits one of the patterns, in which `*` stands for any text. The parts of a certificate's subject may come in
 * either order: RFC 4514 begins with the last one, QEMU with the first.
 */
function allowance(patterns: readonly string[]): (peer: TlsPeer) => boolean {
  const forms = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's');
  });
  return ({ subject, user }) => {
    const names =
      subject === undefined
        ? [user]
        : [
            subject,
            subject
              .split(/(?<!\\),/)
              .reverse()
              .join(','),
          ];
    return names.some((name) => name !== undefined && forms.some((form) => form.test(name)));
  };
}

/** What a server's settings leave to the folder, as a line to be told. */
export function tlsNotes(settings: TlsServerSettings | undefined): readonly string[] {
  const folder = settings?.certificates?.folder;
  if (folder === undefined || settings?.verifyPeer !== undefined || settings?.allow !== undefined) return [];
  const authority = join(folder, 'ca-cert.pem');
  return existsSync(authority)
    ? [`clients have to show a certificate of an authority in ${authority} (--no-tls-verify-peer lets all in)`]
    : [`clients need no certificate: there is no ${authority}`];
}

/** Wrong words. */
function bad(message: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', message);
}
