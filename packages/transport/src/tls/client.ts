/** TLS as a client sets it up. */
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import { type ConnectionOptions, connect, createSecureContext, type TLSSocket } from 'node:tls';
import type { ByteChannel } from '@nbdjs/interfaces';
import { clientFolder, systemAuthorities } from './authorities.ts';
import { readIdentity, wrong } from './files.ts';
import { describeSession, pskCiphers, secureVersions } from './session.ts';
import type { TlsClientSettings } from './settings.ts';
import { checkSharedKey, chooseUser, readSharedKeys } from './shared-keys.ts';
import type { TlsChannel } from './tls-channel.ts';
import { type UpgradeOptions, upgrade } from './upgrade.ts';

/** A client's side of TLS with one server. */
export interface TlsClient {
  /**
   * Upgrades a channel, which is given: on failure it is closed.
   *
   * @throws ConnectError `ERR_NBD_TLS` saying why, ProtocolError when something else than TLS comes, TimeoutError, or the signal's
   *   reason.
   */
  upgrade(channel: ByteChannel, options?: UpgradeOptions): Promise<TlsChannel>;
}

/**
 * Reads the files that the settings name, and checks them.
 *
 * @param host what is connected to, if it is a host.
 * @throws UsageError naming the file or the setting, and what is wrong with it.
 */
export function createTlsClient(settings: TlsClientSettings = {}, host?: string): TlsClient {
  const { psk, certificates } = settings;
  if (psk !== undefined && certificates !== undefined) {
    throw wrong('tls', 'certificates and a shared key exclude each other');
  }
  const options = psk === undefined ? certificateOptions(settings, host) : sharedKeyOptions(psk);
  return {
    upgrade: (channel, how = {}) =>
      upgrade(
        channel,
        {
          peer: 'server',
          usesSharedKeys: psk !== undefined,
          begin(socket, done, fail) {
            const secured: TLSSocket = connect({ ...options, socket });
            secured.once('secureConnect', () => done(secured));
            secured.on('error', fail).once('close', () => fail(undefined));
          },
          describe: (socket) => describeSession(socket, 'pskCallback' in options ? undefined : 'certificate'),
        },
        how,
      ),
  };
}

function certificateOptions(settings: TlsClientSettings, host: string | undefined): ConnectionOptions {
  const { verifyPeer = true } = settings;
  const certificates = settings.certificates ?? { folder: clientFolder() };
  const identity = readIdentity(certificates, 'client');
  if (verifyPeer && identity.ca === undefined && settings.certificates?.folder !== undefined) {
    throw wrong(settings.certificates.folder, 'there is no ca-cert.pem in it, so the server cannot be checked');
  }
  const hostname = (settings.hostname ?? host)?.replace(/%.*$/, '');
  if (verifyPeer && (hostname === undefined || hostname === '')) {
    const advice = 'tell whom (hostname, in a URI tls-hostname), or do without the check (verifyPeer: false)';
    throw wrong('tls', `the server's certificate has to be for somebody, and no host is connected to: ${advice}`);
  }
  return {
    secureContext: contextOf({ ...identity, ca: identity.ca ?? systemAuthorities() }),
    rejectUnauthorized: verifyPeer,
    ...(hostname === undefined ? {} : { host: hostname }),
    // RFC 6066: addresses are not asked for by name.
    ...(hostname === undefined || isIP(hostname) !== 0 ? {} : { servername: hostname }),
  };
}

function sharedKeyOptions(psk: NonNullable<TlsClientSettings['psk']>): ConnectionOptions {
  const { user, key } =
    'file' in psk ? chooseUser(readSharedKeys(psk.file), psk.file, psk.user, () => userInfo().username) : psk;
  checkSharedKey(user, key);
  return {
    // A server that has a certificate instead of our key is nobody whom we trust.
    secureContext: contextOf({ ca: [], ciphers: pskCiphers }),
    pskCallback: () => ({ psk: key, identity: user }),
    checkServerIdentity: () => undefined,
  };
}

function contextOf(options: Parameters<typeof createSecureContext>[0]) {
  try {
    return createSecureContext({ ...secureVersions, ...options });
  } catch (cause) {
    throw wrong('tls', `the certificates cannot be used: ${(cause as Error).message}`, cause);
  }
}
