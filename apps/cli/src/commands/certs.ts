/** `nbd certs`: what TLS needs, in one command. */
import { X509Certificate } from 'node:crypto';
import { join, resolve } from 'node:path';
import {
  type CertificateAuthority,
  type CertificateFiles,
  createAuthority,
  createPsk,
  fileNames,
  openAuthority,
  writeFolder,
} from '@nbdjs/certificates';
import { UsageError } from '@nbdjs/interfaces';
import { readTextFile } from '@nbdjs/transport';
import { certificateExamples, type MadeFile, madeFiles, pskExamples } from '../render/certs.ts';
import type { Terminal } from '../terminal.ts';

export interface CertsOptions {
  readonly directory: string;
  /** Names and addresses of the server. */
  readonly hosts: readonly string[] | undefined;
  /** Name of the client. */
  readonly client: string | undefined;
  readonly days: number;
  /** Users of shared keys; with some, certificates are made only if something about them is said, too. */
  readonly psk: readonly string[] | undefined;
  /** A folder with an authority that goes on. */
  readonly authority: string | undefined;
  /** Files with certificates of that authority that are good no more. */
  readonly revoke: readonly string[] | undefined;
  /** A file whose first line encrypts the keys that are made, and opens that of the authority. */
  readonly passphraseFile: string | undefined;
  readonly force: boolean;
  readonly colour: boolean | undefined;
}

/** What was made: what to write, and what to say about it. */
interface Issued {
  readonly files: CertificateFiles;
  readonly made: readonly MadeFile[];
}

const dayMs = 86_400_000;
/** An authority outlives what it signs, so that it can sign again. */
const authorityDays = 3650;
/** For trying out on one machine. */
const localHosts = ['localhost', '127.0.0.1', '::1'];
const defaultClient = 'client';

/** Makes certificates or keys, and shows how they are used. */
export async function certs(options: CertsOptions, terminal: Terminal): Promise<number> {
  const { directory, psk, revoke, hosts = localHosts } = options;
  const isNamed = options.hosts !== undefined || options.client !== undefined;
  // Whoever asks for something else gets that alone; an authority that is to make keys issues as well, one that is to revoke does not.
  const isAsked = isNamed || (revoke === undefined && (psk === undefined || options.authority !== undefined));
  const passphrase = options.passphraseFile === undefined ? undefined : firstLine(options.passphraseFile);
  const authority = await openedAuthority(options, passphrase);
  const issued = isAsked ? await issue(options, hosts, authority, passphrase) : undefined;
  const revoked = revoke === undefined ? undefined : await revokeAll(revoke, options, authority);
  const psks = psk?.map(createPsk);
  writeFolder(directory, { ...issued?.files, ...revoked?.files, psks }, { overwrite: options.force });

  const made = [...(issued?.made ?? []), ...(revoked?.made ?? [])];
  if (psk !== undefined) made.push({ name: fileNames.psks, note: `shared keys of ${psk.join(', ')}; a secret` });
  const colours = terminal.colours('stdout', options.colour);
  const paragraphs = [madeFiles(directory, made, colours)];
  if (issued !== undefined) {
    const { server, client } = issued.files;
    const facts = { hosts, isForServer: server !== undefined, isForClient: client !== undefined };
    paragraphs.push(certificateExamples(directory, facts, colours));
  }
  if (psk?.[0] !== undefined) paragraphs.push(pskExamples(directory, psk[0], hosts, colours));
  await terminal.print(paragraphs.join('\n'));
  return 0;
}

/** A new authority issues both certificates; one that goes on, what is asked for. */
async function issue(
  options: CertsOptions,
  hosts: readonly string[],
  known: CertificateAuthority | undefined,
  passphrase: string | undefined,
): Promise<Issued> {
  const { directory, client: clientName = defaultClient, days } = options;
  const isNew = known === undefined;
  const validTo = new Date(Date.now() + days * dayMs);
  const validText = `until ${dayOf(validTo)}`;
  const authority = known ?? (await newAuthority(days, passphrase));
  const files: { -readonly [Name in keyof CertificateFiles]: CertificateFiles[Name] } = {};
  const made: MadeFile[] = [];
  if (isNew || resolve(options.authority ?? '') !== resolve(directory)) {
    made.push({ name: fileNames.authorityCertificate, note: 'the authority, for both sides to trust' });
    files.authority = isNew ? authority : { certificate: authority.certificate };
  }
  if (isNew) made.push({ name: fileNames.authorityKey, note: 'signs further certificates; a secret' });
  if (isNew || options.hosts !== undefined || options.client === undefined) {
    files.server = await authority.issueServer({ hosts, validTo, passphrase });
    made.push({ name: fileNames.serverCertificate, note: `for ${hosts.join(', ')}; ${validText}` });
    made.push({ name: fileNames.serverKey, note: 'a secret' });
  }
  if (isNew || options.client !== undefined || options.hosts === undefined) {
    files.client = await authority.issueClient({ name: clientName, validTo, passphrase });
    made.push({ name: fileNames.clientCertificate, note: `for ${distinguished(clientName)}; ${validText}` });
    made.push({ name: fileNames.clientKey, note: 'a secret' });
  }
  return { files, made };
}

async function revokeAll(
  files: readonly string[],
  { days }: CertsOptions,
  authority: CertificateAuthority | undefined,
): Promise<Issued> {
  if (authority === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', '--revoke needs --authority, the folder of who has issued them');
  }
  const certificates = files.map((file) => ({ file, certificate: readTextFile(file) }));
  const names = certificates.map(({ file, certificate }) => subjectOf(certificate, file));
  const validTo = new Date(Date.now() + days * dayMs);
  const revocationList = await authority.revoke(certificates, { validTo });
  const note = `revokes ${names.join(' and ')}, and nothing else; until ${dayOf(validTo)}`;
  return { files: { revocationList }, made: [{ name: fileNames.revocationList, note }] };
}

function subjectOf(certificate: string, file: string): string {
  try {
    return new X509Certificate(certificate).subject.split('\n').reverse().join(',');
  } catch (cause) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${file}: it holds no certificate`, { cause });
  }
}

function newAuthority(days: number, passphrase: string | undefined): Promise<CertificateAuthority> {
  const validTo = new Date(Date.now() + Math.max(days, authorityDays) * dayMs);
  return createAuthority({ name: 'nbd certs', validTo, passphrase });
}

/** The authority that goes on, if one does. */
async function openedAuthority(
  { authority: folder }: CertsOptions,
  passphrase: string | undefined,
): Promise<CertificateAuthority | undefined> {
  if (folder === undefined) return undefined;
  const read = (name: string): string => readTextFile(join(folder, name));
  const credentials = { certificate: read(fileNames.authorityCertificate), key: read(fileNames.authorityKey) };
  // One that is not encrypted opens with any passphrase.
  return openAuthority(credentials, passphrase);
}

function firstLine(file: string): string {
  const [line = ''] = readTextFile(file).split(/\r?\n/, 1);
  if (line === '') throw new UsageError('ERR_NBD_ARGUMENT', `${file}: its first line is empty, expected a passphrase`);
  return line;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function distinguished(name: string): string {
  return name.includes('=') ? name : `CN=${name}`;
}
