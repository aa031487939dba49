/** TLS below WebSocket and HTTP, from the same folders as that of NBD. */
import { join } from 'node:path';
import type { ConnectTls } from '@nbdjs/client';
import { readTextFile, type TlsServerSettings } from '@nbdjs/transport';
import { argumentError } from '../errors/argument-error.ts';
import { systemReason } from '../errors/one-line.ts';

/** Settings of TLS for a client, as the command line gives them. */
export type TlsSettings = Omit<ConnectTls, 'mode'> & { readonly mode?: ConnectTls['mode'] };

/** Returns the settings of a client in the words of Node's TLS. */
export function clientNodeTls(tls: TlsSettings | undefined) {
  const { certificates, hostname, verifyPeer, psk } = tls ?? {};
  if (psk !== undefined) throw argumentError('--tls-psk does not work with wss and https, which use certificates');
  const folder = certificates?.folder;
  const identity = folder === undefined ? {} : identityIn(folder, 'client', certificates?.passphraseFile);
  if (folder !== undefined && Object.keys(identity).length === 0) {
    throw argumentError(`${folder} has neither ca-cert.pem nor client-cert.pem`);
  }
  return {
    ...identity,
    ...(hostname === undefined ? {} : { servername: hostname }),
    ...(verifyPeer === false ? { rejectUnauthorized: false } : {}),
  };
}

/** Returns the settings of a server in the words of Node's TLS; `undefined` for one without TLS. */
export function serverNodeTls(settings: TlsServerSettings | undefined) {
  if (settings === undefined) return undefined;
  const { certificates, psk, allow, verifyPeer, mode } = settings;
  const folder = certificates?.folder;
  if (psk !== undefined || folder === undefined) {
    throw argumentError('--tls-psk does not work with --web, which uses certificates');
  }
  if (allow !== undefined) throw argumentError('--tls-authz does not work with --web');
  if (mode === 'allow') throw argumentError('--tls allow does not work with --web: its clients come by TLS or without');
  const identity = identityIn(folder, 'server', certificates?.passphraseFile);
  if (identity.cert === undefined || identity.key === undefined) {
    throw argumentError(`${folder} has no server-cert.pem or no server-key.pem`);
  }
  const requestCert = verifyPeer ?? identity.ca !== undefined;
  if (requestCert && identity.ca === undefined) throw argumentError(`--tls-verify-peer: ${folder} has no ca-cert.pem`);
  return { ...identity, requestCert, rejectUnauthorized: requestCert };
}

/** Reads the files of a folder that NBD programs know, as far as they are there. */
function identityIn(folder: string, role: 'client' | 'server', passphraseFile: string | undefined) {
  const ca = readIfThere(join(folder, 'ca-cert.pem'));
  const crl = readIfThere(join(folder, 'ca-crl.pem'));
  const cert = readIfThere(join(folder, `${role}-cert.pem`));
  const key = readIfThere(join(folder, `${role}-key.pem`));
  const [passphrase] = (passphraseFile === undefined ? undefined : readIfThere(passphraseFile))?.split(/\r?\n/) ?? [];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(crl === undefined ? {} : { crl }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readTextFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw argumentError(`cannot read ${file}: ${systemReason(cause)}`, { cause });
  }
}
