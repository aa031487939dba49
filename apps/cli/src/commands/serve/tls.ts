/** TLS of the clients of `nbd serve`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Server, ThreadedServer } from '@nbdjs/server';
import { allowSubjects, type TlsServerSettings } from '@nbdjs/transport';
import { argumentError } from '../../errors/argument-error.ts';
import { oneLine } from '../../errors/one-line.ts';
import { type ServerTlsOptions, tlsSources } from '../../options/tls.ts';
import type { Terminal } from '../../terminal.ts';

/** Returns the settings of a server, or `undefined` for one without TLS. */
export function serverTlsSettings(options: ServerTlsOptions): TlsServerSettings | undefined {
  const { tls: mode, tlsVerifyPeer: verifyPeer, tlsAuthz: patterns } = options;
  const sources = tlsSources(options);
  if (sources.certificates === undefined && sources.psk === undefined) {
    requireNoTls(options);
    return undefined;
  }
  if (mode === 'off') return undefined;
  if (patterns !== undefined && verifyPeer === false) {
    throw argumentError('--tls-authz and --no-tls-verify-peer exclude each other');
  }
  if (sources.psk !== undefined && verifyPeer === true) {
    throw argumentError('--tls-verify-peer is about certificates, and --tls-psk uses none');
  }
  return {
    mode: mode ?? 'require',
    ...sources,
    ...(patterns === undefined ? {} : { allow: allowSubjects(patterns) }),
  };
}

/** @throws UsageError for an option that needs certificates or keys. */
function requireNoTls({ tls: mode, tlsVerifyPeer: verifyPeer, tlsAuthz: patterns }: ServerTlsOptions): void {
  const [lonely] = [
    mode !== undefined && mode !== 'off' && `--tls ${mode}`,
    verifyPeer === true && '--tls-verify-peer',
    patterns !== undefined && '--tls-authz',
  ].filter((option) => option !== false);
  if (lonely === undefined) return;
  throw argumentError(`${lonely} needs --tls-certificates or --tls-psk (nbd certs makes what they name)`);
}

/** Prints what the settings leave to the folder. */
export function noteTls(settings: TlsServerSettings | undefined, terminal: Terminal): void {
  const folder = settings?.certificates?.folder;
  if (folder === undefined || settings?.verifyPeer !== undefined || settings?.allow !== undefined) return;
  const authority = join(folder, 'ca-cert.pem');
  terminal.note(
    existsSync(authority)
      ? `nbd: clients have to show a certificate of an authority in ${authority} (--no-tls-verify-peer accepts all)`
      : `nbd: clients need no certificate: there is no ${authority}`,
  );
}

/** Certificates expire, and are replaced while clients are connected. Threads answer later. */
export function reloadTls(server: Server | ThreadedServer, terminal: Terminal): void {
  const succeed = (): void => {
    terminal.note('nbd: SIGHUP: certificates and keys were read again, for clients that come from now on');
  };
  const fail = (error: unknown): void => {
    terminal.note(`nbd: SIGHUP: ${oneLine(error)}; the certificates and keys are unchanged`);
  };
  try {
    const reading = server.reloadTls();
    if (reading === undefined) succeed();
    else reading.then(succeed, fail);
  } catch (error) {
    fail(error);
  }
}
