/** TLS as a client sets it up. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import type { ConnectionOptions, PeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls';
import type { ByteChannel } from '@nbdjs/interfaces';
import { crypto, tls } from '../late-modules.ts';
import { clientFolder, systemAuthorities } from './authorities.ts';
import { type Chain, chainOf, completed } from './chain.ts';
import { resolveClientSettings } from './checks.ts';
import { otherHostCode, plain } from './failure.ts';
import { readIdentity, wrong } from './files.ts';
import { faultOfName } from './host-names.ts';
import { describeSession, pskCiphers, secureVersions } from './session.ts';
import type { ResolvedClientSettings, TlsClientKey, TlsClientSettings } from './settings.ts';
import { checkSharedKey, chooseUser, readSharedKeys } from './shared-keys.ts';
import type { TlsChannel } from './tls-channel.ts';
import { type UpgradeOptions, upgrade } from './upgrade.ts';

/** A client's side of TLS with one server. */
export interface TlsClient {
  /**
   * Upgrades a channel, which belongs to the upgrade from then on: on failure it is closed.
   *
   * @throws ConnectError `ERR_NBD_TLS` saying why, ProtocolError when something else than TLS comes, TimeoutError, or the signal's
   *   reason.
   */
  upgrade(channel: ByteChannel, options?: UpgradeOptions): Promise<TlsChannel>;
}

/**
 * Reads the files that the settings name, and checks them.
 *
 * @param given how TLS is set up
 * @param host The name or address that is connected to. Left out where it is no host, but a Unix socket or a command.
 * @throws UsageError naming the file or the setting, and what is wrong with it.
 */
export function createTlsClient(given: TlsClientSettings = {}, host?: string): TlsClient {
  const settings = resolveClientSettings(given);
  const { psk, certificates } = settings;
  if (psk !== undefined && certificates !== undefined) {
    throw wrong('tls', 'certificates and a shared key exclude each other');
  }
  const { options, authorities, ownFault, faultOfServer } =
    psk === undefined ? certificateSetup(settings, host) : sharedKeySetup(psk);
  return {
    upgrade: (channel, how = {}) =>
      upgrade(
        channel,
        {
          peer: 'server',
          usesSharedKeys: psk !== undefined,
          ownFault,
          begin(socket, done, fail) {
            let chain: Chain = [];
            const secured: TLSSocket = tls().connect({
              ...options,
              socket,
              // Bun asks this before the handshake is over, so that there is no chain yet.
              checkServerIdentity: (_, shown) => faultOfServer(chain[0] ?? certificateOf(shown)),
            });
            // Right after this Node checks the certificate, and a chain that it rejects cannot be read any more.
            secured.prependOnceListener('secure', () => {
              chain = completed(chainOf(secured), authorities);
            });
            secured.once('secureConnect', () => done(secured));
            secured.on('error', (error) => fail(error, chain)).once('close', () => fail(undefined));
          },
          describe: (socket) => describeSession(socket, 'pskCallback' in options ? undefined : 'certificate'),
        },
        how,
      ),
  };
}

function certificateOf({ raw }: Partial<PeerCertificate>): X509Certificate | undefined {
  return raw === undefined ? undefined : new (crypto().X509Certificate)(raw);
}

/** How TLS is begun, and information about why it fails. */
interface Setup {
  readonly options: ConnectionOptions;
  readonly authorities: Chain;
  readonly ownFault: string | undefined;
  /** Returns an error when a certificate, which an authority has signed, is for another server than the one that is meant. */
  readonly faultOfServer: (certificate: X509Certificate | undefined) => Error | undefined;
}

function certificateSetup(settings: ResolvedClientSettings, host: string | undefined): Setup {
  const { verifyPeer } = settings;
  const certificates = settings.certificates ?? { folder: clientFolder() };
  const { pem, authorities, own } = readIdentity(certificates, 'client');
  if (verifyPeer && pem.ca === undefined && settings.certificates?.folder !== undefined) {
    throw wrong(settings.certificates.folder, 'there is no ca-cert.pem in it, so the server cannot be checked');
  }
  const hostname = (settings.hostname ?? host)?.replace(/%.*$/, '');
  // The user's own authority certifies known servers only; the system's authorities certify any.
  if (verifyPeer && (hostname === '' || (hostname === undefined && pem.ca === undefined))) {
    const advice = 'give the host name (hostname, in a URI tls-hostname), or switch the check off (verifyPeer: false)';
    throw wrong(
      'tls',
      `the server's certificate cannot be checked against a host name, because none is given: ${advice}`,
    );
  }
  const options = {
    secureContext: contextOf({ ...pem, ca: pem.ca ?? systemAuthorities(), allowPartialTrustChain: true }),
    rejectUnauthorized: verifyPeer,
    ...(hostname === undefined ? {} : { host: hostname }),
    // RFC 6066: addresses are not asked for by name.
    ...(hostname === undefined || isIP(hostname) !== 0 ? {} : { servername: hostname }),
  };
  const fault = own?.fault === undefined ? undefined : `our own (${own.name}) ${own.fault}`;
  return {
    options,
    authorities,
    ownFault: own === undefined ? 'we have none to show' : fault,
    faultOfServer: (certificate) => (hostname === undefined ? undefined : nameError(certificate, hostname)),
  };
}

function nameError(certificate: X509Certificate | undefined, hostname: string): Error | undefined {
  const fault = certificate === undefined ? 'the {peer} has shown no certificate' : faultOfName(certificate, hostname);
  return fault === undefined ? undefined : Object.assign(new Error(fault), { code: otherHostCode });
}

function sharedKeySetup(psk: TlsClientKey): Setup {
  const { user, key } =
    'file' in psk ? chooseUser(readSharedKeys(psk.file), psk.file, psk.user, () => userInfo().username) : psk;
  checkSharedKey(user, key);
  const options = {
    // A server that has a certificate instead of our key is not trusted.
    secureContext: contextOf({ ca: [], ciphers: pskCiphers }),
    pskCallback: () => ({ psk: key, identity: user }),
  };
  return { options, authorities: [], ownFault: undefined, faultOfServer: () => undefined };
}

function contextOf(options: SecureContextOptions) {
  try {
    return tls().createSecureContext({ ...secureVersions, ...options });
  } catch (cause) {
    throw wrong('tls', `the certificates cannot be used: ${plain(cause as Error)}`, cause);
  }
}
