/** TLS as a server sets it up. */
import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import type { ByteChannel, SecureUpgrade, ServerTls, TlsPeer } from '@nbdjs/interfaces';
import { isAllowed } from '@nbdjs/kit';
import { tls } from '../late-modules.ts';
import { type Chain, chainOf, completed } from './chain.ts';
import { resolveServerSettings } from './checks.ts';
import { plain } from './failure.ts';
import { placeOf, readServerIdentity, wrong } from './files.ts';
import { describeSession, pskCiphers, secureVersions } from './session.ts';
import type { ResolvedServerSettings, TlsServerKeys, TlsServerSettings } from './settings.ts';
import { checkSharedKey, readSharedKeys } from './shared-keys.ts';
import type { TlsChannel } from './tls-channel.ts';
import { type UpgradeOptions, upgrade } from './upgrade.ts';

/** A server's side of TLS for any number of clients, by the settings of `createTlsServer`. */
export interface TlsServer extends SecureUpgrade {
  /** See `TlsClient.upgrade`. */
  upgrade(channel: ByteChannel, options?: UpgradeOptions): Promise<TlsChannel>;
}

type FindKey = (user: string) => Uint8Array | undefined;

/**
 * Reads the files that the settings name, and checks them.
 *
 * @throws UsageError naming the file or the setting, and what is wrong with it.
 */
export function createTlsServer(settings: TlsServerSettings): TlsServer {
  return serverOf(resolveServerSettings(settings));
}

function serverOf(settings: ResolvedServerSettings): TlsServer {
  const { mode, psk, certificates, allow } = settings;
  const whom = { isSelective: allow !== undefined, admits: (peer: TlsPeer) => isAllowed(allow, peer) };
  if (mode === 'off') return { mode, ...whom, upgrade: () => Promise.reject(wrong('tls', 'it is switched off')) };
  if ((psk === undefined) === (certificates === undefined)) {
    throw wrong('tls', 'expected certificates or shared keys, and not both');
  }
  const find = psk === undefined ? undefined : finderOf(psk);
  const setup = find === undefined ? certificateSetup(settings) : { options: sharedKeyOptions, authorities: [] };
  return { mode, ...whom, upgrade: (channel, how = {}) => accept(channel, setup, find, how) };
}

/**
 * TLS for a server that is made elsewhere, such as `createServer` of `@nbdjs/server`. The files that the settings name are read when
 * the server is made, and again when it reloads them.
 *
 * @throws UsageError naming the setting that is unknown or of the wrong kind.
 */
export function serverTls(settings: TlsServerSettings): ServerTls {
  const resolved = resolveServerSettings(settings);
  return {
    mode: resolved.mode,
    load: ({ identity }) => serverOf({ ...resolved, verifyPeer: resolved.verifyPeer ?? (identity || undefined) }),
  };
}

function accept(
  channel: ByteChannel,
  { options, authorities }: Setup,
  find: FindKey | undefined,
  how: UpgradeOptions,
): Promise<TlsChannel> {
  let user: string | undefined;
  const pskCallback = (_socket: unknown, identity: string): Uint8Array | null => {
    const key = find?.(identity);
    if (key === undefined) return null;
    checkSharedKey(identity, key);
    user = identity;
    return key;
  };
  return upgrade(
    channel,
    {
      peer: 'client',
      usesSharedKeys: find !== undefined,
      ownFault: undefined,
      begin(stream, done, fail) {
        // Only a server of Node's checks the certificates of clients, so there is one for this client.
        const server = tls().createServer({ ...options, ...(find === undefined ? {} : { pskCallback }) } as TlsOptions);
        trustPartialChains(server);
        let chain: Chain = [];
        if (options.requestCert) {
          watchSocket(server, (socket) => {
            chain = completed(chainOf(socket), authorities);
          });
        }
        server.on('tlsClientError', (error, socket) => {
          fail(socket.authorizationError ? refusal(socket) : error, chain);
        });
        server.on('secureConnection', (socket) => {
          socket.on('error', () => {});
          done(socket);
        });
        server.emit('connection', stream);
      },
      describe: (socket) => describeSession(socket, user === undefined ? 'certificate' : { user }),
    },
    how,
  );
}

/**
 * Makes an intermediate authority enough to trust, as it is for GnuTLS. Node has an option for that, which its servers do not pass on, so
 * this goes by way of Node's internals. Where those have changed, a server that trusts an intermediate authority alone accepts no client.
 */
function trustPartialChains(server: Server): void {
  const { _sharedCreds: shared } = server as { _sharedCreds?: { context?: { setAllowPartialTrustChain?(): void } } };
  shared?.context?.setAllowPartialTrustChain?.();
}

/**
 * Calls `look` right before Node checks the client's certificate: a chain that Node rejects cannot be read any more. Of the events of a
 * server, only `keylog` gives the socket that early; its keys are not used.
 */
function watchSocket(server: Server, look: (socket: TLSSocket) => void): void {
  server.once('keylog', (_secret, socket) => socket.prependOnceListener('secure', () => look(socket)));
}

/** Makes an error of Node's result about a client's certificate, which is only a code. */
function refusal({ authorizationError }: { readonly authorizationError: unknown }): Error {
  return Object.assign(new Error(String(authorizationError)), { code: String(authorizationError) });
}

interface Setup {
  readonly options: TlsOptions;
  readonly authorities: Chain;
}

function certificateSetup(settings: ResolvedServerSettings): Setup {
  const { certificates = {}, allow } = settings;
  const { pem, authorities } = readServerIdentity(certificates);
  // A server has no other use for an authority than to check clients.
  const { verifyPeer = allow !== undefined || pem.ca !== undefined } = settings;
  if (verifyPeer && pem.ca === undefined) {
    throw wrong(placeOf(certificates), 'there is no authority (ca-cert.pem), so clients cannot be checked');
  }
  if (!verifyPeer && allow !== undefined) {
    throw wrong('tls.allow', 'the list is about certificates of clients, which verifyPeer: false does not check');
  }
  const options = {
    ...secureVersions,
    ...pem,
    ...common,
    requestCert: verifyPeer,
    rejectUnauthorized: verifyPeer,
  };
  try {
    tls().createSecureContext(options);
  } catch (cause) {
    throw wrong(placeOf(certificates), `the certificates cannot be used: ${plain(cause as Error)}`, cause);
  }
  return { options, authorities };
}

/** No time limit of Node's: `upgrade` has its own. */
const common: TlsOptions = { handshakeTimeout: 0 };

const sharedKeyOptions: TlsOptions = { ...secureVersions, ...common, ciphers: pskCiphers, dhparam: 'auto' };

function finderOf(psk: TlsServerKeys): FindKey {
  if ('find' in psk) return psk.find;
  const keys = 'file' in psk ? readSharedKeys(psk.file) : new Map(Object.entries(psk.keys));
  for (const [user, key] of keys) checkSharedKey(user, key);
  return (user) => keys.get(user);
}
