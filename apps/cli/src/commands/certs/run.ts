/** `nbd certs`: makes certificates and keys for TLS. */
import { join } from 'node:path';
import { type CertificateAuthority, createPsk, fileNames, openAuthority, writeFolder } from '@nbdjs/certificates';
import { readTextFile } from '@nbdjs/transport';
import { argumentError } from '../../errors/argument-error.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { certificateExamples, madeFiles, pskExamples } from '../../render/certs.ts';
import type { CertsOptions } from './command.ts';
import { issue, localHosts, revoke } from './issue.ts';

/** Makes certificates or keys, and shows how they are used. */
export async function run(
  { terminal }: CommandContext,
  options: CertsOptions,
  folder: string | undefined,
): Promise<number> {
  if (folder !== undefined && options.directory !== undefined) {
    throw argumentError('the folder is given twice, by itself and by --directory');
  }
  const directory = folder ?? options.directory ?? 'pki';
  const { psk, host: hosts = localHosts } = options;
  const passphrase = options.passphraseFile === undefined ? undefined : firstLine(options.passphraseFile);
  const known = await openKnownAuthority(options, passphrase);
  const issued = wantsCertificates(options) ? await issue({ ...options, directory, known, passphrase }) : undefined;
  const revoked = options.revoke === undefined ? undefined : await revoke(options.revoke, options.days, known);
  const psks = psk?.map(createPsk);
  writeFolder(directory, { ...issued?.files, ...revoked?.files, psks }, { overwrite: options.force === true });

  const made = [...(issued?.made ?? []), ...(revoked?.made ?? [])];
  if (psk !== undefined) made.push({ name: fileNames.psks, note: `shared keys of ${psk.join(', ')}; a secret` });
  const colours = terminal.colours('stdout', options.color);
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

/**
 * Returns whether certificates are made: yes, unless keys or a list of revoked certificates are asked for. An authority that is named
 * issues certificates besides keys, but not besides such a list.
 */
function wantsCertificates({ host, client, revoke: revoked, psk, authority }: CertsOptions): boolean {
  if (host !== undefined || client !== undefined) return true;
  return revoked === undefined && (psk === undefined || authority !== undefined);
}

/** Opens the existing authority, if the options name one. */
async function openKnownAuthority(
  { authority: folder }: CertsOptions,
  passphrase: string | undefined,
): Promise<CertificateAuthority | undefined> {
  if (folder === undefined) return undefined;
  const read = (name: string): string => readTextFile(join(folder, name));
  const credentials = { certificate: read(fileNames.authorityCertificate), key: read(fileNames.authorityKey) };
  // A key that is not encrypted opens with any passphrase.
  return openAuthority(credentials, passphrase);
}

function firstLine(file: string): string {
  const [line = ''] = readTextFile(file).split(/\r?\n/, 1);
  if (line === '') throw argumentError(`${file}: its first line is empty, expected a passphrase`);
  return line;
}
