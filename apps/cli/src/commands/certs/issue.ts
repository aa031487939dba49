/** What an authority issues and revokes. */
import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { type CertificateAuthority, type CertificateFiles, createAuthority, fileNames } from '@nbdjs/certificates';
import { readTextFile } from '@nbdjs/transport';
import { argumentError } from '../../errors/argument-error.ts';
import type { MadeFile } from '../../render/certs.ts';
import type { CertsOptions } from './command.ts';

/** The files that are written, and what is printed about them. */
export interface Issued {
  readonly files: CertificateFiles;
  readonly made: readonly MadeFile[];
}

export interface IssueOptions extends CertsOptions {
  readonly directory: string;
  /** The authority that issues; `undefined` makes a new one. */
  readonly known: CertificateAuthority | undefined;
  /** Encrypts the keys. */
  readonly passphrase: string | undefined;
}

const dayMs = 86_400_000;
/** An authority is valid for longer than the certificates that it issues, so that it can issue more. */
const authorityDays = 3650;
/** For a trial on one machine. */
export const localHosts: readonly string[] = ['localhost', '127.0.0.1', '::1'];
const defaultClient = 'client';

/** A new authority issues both certificates; an existing one those that the options ask for. */
export async function issue(options: IssueOptions): Promise<Issued> {
  const { directory, days, known, passphrase, host: hosts = localHosts, client: clientName = defaultClient } = options;
  const isNew = known === undefined;
  const validTo = daysFromNow(days);
  const validText = `until ${dayOf(validTo)}`;
  const authority = known ?? (await newAuthority(days, passphrase));
  const files: { -readonly [Name in keyof CertificateFiles]: CertificateFiles[Name] } = {};
  const made: MadeFile[] = [];
  if (isNew || resolve(options.authority ?? '') !== resolve(directory)) {
    made.push({ name: fileNames.authorityCertificate, note: 'the authority, for both sides to trust' });
    files.authority = isNew ? authority : { certificate: authority.certificate };
  }
  if (isNew) made.push({ name: fileNames.authorityKey, note: 'signs further certificates; a secret' });
  if (isNew || options.host !== undefined || options.client === undefined) {
    files.server = await authority.issueServer({ hosts, validTo, passphrase });
    made.push({ name: fileNames.serverCertificate, note: `for ${hosts.join(', ')}; ${validText}` });
    made.push({ name: fileNames.serverKey, note: 'a secret' });
  }
  if (isNew || options.client !== undefined || options.host === undefined) {
    files.client = await authority.issueClient({ name: clientName, validTo, passphrase });
    made.push({ name: fileNames.clientCertificate, note: `for ${distinguishedName(clientName)}; ${validText}` });
    made.push({ name: fileNames.clientKey, note: 'a secret' });
  }
  return { files, made };
}

/** Makes the list of all certificates that the authority has revoked. `days` is how long the list is valid. */
export async function revoke(
  paths: readonly string[],
  days: number,
  authority: CertificateAuthority | undefined,
): Promise<Issued> {
  if (authority === undefined) {
    throw argumentError('--revoke needs --authority, the folder of the authority that has issued them');
  }
  const certificates = paths.map((file) => ({ file, certificate: readTextFile(file) }));
  const names = certificates.map(({ file, certificate }) => subjectOf(certificate, file));
  const validTo = daysFromNow(days);
  const revocationList = await authority.revoke(certificates, { validTo });
  const note = `revokes ${names.join(' and ')}, and nothing else; until ${dayOf(validTo)}`;
  return { files: { revocationList }, made: [{ name: fileNames.revocationList, note }] };
}

function newAuthority(days: number, passphrase: string | undefined): Promise<CertificateAuthority> {
  const validTo = daysFromNow(Math.max(days, authorityDays));
  return createAuthority({ name: 'nbd certs', validTo, passphrase });
}

function subjectOf(certificate: string, file: string): string {
  try {
    return new X509Certificate(certificate).subject.split('\n').reverse().join(',');
  } catch (cause) {
    throw argumentError(`${file}: it holds no certificate`, { cause });
  }
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * dayMs);
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function distinguishedName(name: string): string {
  return name.includes('=') ? name : `CN=${name}`;
}
