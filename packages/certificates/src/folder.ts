/** Certificates and keys in a folder, under the names that NBD programs look for. */
import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@nbdjs/interfaces';
import type { Credentials } from './authority.ts';
import { formatPskFile, type Psk } from './psk.ts';

/** What goes into the folder; for a missing one no file is written, and an existing file stays. */
export interface CertificateFiles {
  /** The key stays where the authority is. */
  readonly authority?: (Pick<Credentials, 'certificate'> & Partial<Credentials>) | undefined;
  /** The server's certificate and key. */
  readonly server?: Credentials | undefined;
  /** The client's certificate and key. */
  readonly client?: Credentials | undefined;
  /** PEM. */
  readonly revocationList?: string | undefined;
  /** Keys that servers and clients share. */
  readonly psks?: readonly Psk[] | undefined;
}

/** How files are written. */
export interface WriteOptions {
  /** Whether existing files are replaced. @default false: nothing is written if one of them exists */
  readonly overwrite?: boolean | undefined;
}

/** The names that QEMU, nbdkit and libnbd look for. */
export const fileNames = {
  authorityCertificate: 'ca-cert.pem',
  authorityKey: 'ca-key.pem',
  serverCertificate: 'server-cert.pem',
  serverKey: 'server-key.pem',
  clientCertificate: 'client-cert.pem',
  clientKey: 'client-key.pem',
  revocationList: 'ca-crl.pem',
  psks: 'keys.psk',
} as const;

interface Entry {
  readonly name: string;
  readonly text: string | undefined;
  readonly mode: number;
}

/** All users may read it, as far as the process's umask allows. */
const publicMode = 0o644;
/** Only the owner may read it. */
const secretMode = 0o600;

/**
 * Writes the files, and the folder if it is missing. A file is replaced in one step, so that a server that reads it at that moment gets the
 * old or the new one.
 *
 * @returns the paths that were written.
 * @throws UsageError when a file exists already and `overwrite` is not set.
 */
export function writeFolder(
  folder: string,
  files: CertificateFiles,
  { overwrite = false }: WriteOptions = {},
): readonly string[] {
  const entries = entriesOf(files).flatMap(({ name, text, mode }) =>
    text === undefined ? [] : [{ path: join(folder, name), text, mode }],
  );
  const present = entries.find(({ path }) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  if (present !== undefined && !overwrite) throw new UsageError('ERR_NBD_EXISTS', `${present.path} exists already`);
  mkdirSync(folder, { recursive: true });
  for (const { path, text, mode } of entries) {
    const fresh = `${path}.${process.pid}.new`;
    try {
      writeFileSync(fresh, text, { mode, flag: 'wx' });
      renameSync(fresh, path);
    } finally {
      rmSync(fresh, { force: true });
    }
  }
  return entries.map(({ path }) => path);
}

function entriesOf({ authority, server, client, revocationList, psks }: CertificateFiles): readonly Entry[] {
  const open = (name: string, text: string | undefined): Entry => ({ name, text, mode: publicMode });
  const secret = (name: string, text: string | undefined): Entry => ({ name, text, mode: secretMode });
  return [
    open(fileNames.authorityCertificate, authority?.certificate),
    secret(fileNames.authorityKey, authority?.key),
    open(fileNames.serverCertificate, server?.certificate),
    secret(fileNames.serverKey, server?.key),
    open(fileNames.clientCertificate, client?.certificate),
    secret(fileNames.clientKey, client?.key),
    open(fileNames.revocationList, revocationList),
    secret(fileNames.psks, psks === undefined ? undefined : formatPskFile(psks)),
  ];
}
