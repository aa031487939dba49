/** `nbd certs`: what TLS needs, in one command. */
import { readFileSync } from 'node:fs';
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
  readonly force: boolean;
  readonly colour: boolean | undefined;
}

/** Certificates that were issued, what to write, and what to say about it. */
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
  const { directory, psk, hosts = localHosts } = options;
  const isAsked = options.hosts !== undefined || options.client !== undefined || options.authority !== undefined;
  const issued = psk === undefined || isAsked ? await issue(options, hosts) : undefined;
  const psks = psk?.map(createPsk);
  writeFolder(directory, { ...issued?.files, psks }, { overwrite: options.force });

  const made = [...(issued?.made ?? [])];
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
async function issue(options: CertsOptions, hosts: readonly string[]): Promise<Issued> {
  const { directory, client: clientName = defaultClient, days } = options;
  const isNew = options.authority === undefined;
  const validTo = new Date(Date.now() + days * dayMs);
  const validText = `until ${validTo.toISOString().slice(0, 10)}`;
  const authority = isNew ? await newAuthority(days) : await knownAuthority(options.authority);
  const files: { -readonly [Name in keyof CertificateFiles]: CertificateFiles[Name] } = {};
  const made: MadeFile[] = [];
  if (isNew || resolve(options.authority) !== resolve(directory)) {
    made.push({ name: fileNames.authorityCertificate, note: 'the authority, for both sides to trust' });
    files.authority = isNew ? authority : { certificate: authority.certificate };
  }
  if (isNew) made.push({ name: fileNames.authorityKey, note: 'signs further certificates; a secret' });
  if (isNew || options.hosts !== undefined || options.client === undefined) {
    files.server = await authority.issueServer({ hosts, validTo });
    made.push({ name: fileNames.serverCertificate, note: `for ${hosts.join(', ')}; ${validText}` });
    made.push({ name: fileNames.serverKey, note: 'a secret' });
  }
  if (isNew || options.client !== undefined || options.hosts === undefined) {
    files.client = await authority.issueClient({ name: clientName, validTo });
    made.push({ name: fileNames.clientCertificate, note: `for ${distinguished(clientName)}; ${validText}` });
    made.push({ name: fileNames.clientKey, note: 'a secret' });
  }
  return { files, made };
}

function newAuthority(days: number): Promise<CertificateAuthority> {
  const validTo = new Date(Date.now() + Math.max(days, authorityDays) * dayMs);
  return createAuthority({ name: 'nbd certs', validTo });
}

function knownAuthority(folder: string): Promise<CertificateAuthority> {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return openAuthority({ certificate: read(fileNames.authorityCertificate), key: read(fileNames.authorityKey) });
}

function distinguished(name: string): string {
  return name.includes('=') ? name : `CN=${name}`;
}
