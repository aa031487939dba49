/** TLS as a connector's settings want it. */
import type { ClientHandshakeOptions } from '@nbdjs/handshake';
import { createTlsClient, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import type { UpgradeTls } from './negotiation/handshake-driver.ts';

/** Whether TLS is wanted, and how. */
interface TlsWish {
  readonly handshake?: ClientHandshakeOptions | undefined;
  readonly tls?: TlsClientSettings | undefined;
}

/** Settings in which it is said whether TLS is wanted: whoever says how wants it. */
export function resolveTlsMode<Settings extends TlsWish>(settings: Settings): Settings {
  const { handshake, tls } = settings;
  if (tls === undefined || handshake?.tls !== undefined) return settings;
  return { ...settings, handshake: { ...handshake, tls: 'require' } };
}

/**
 * Reads the files that the settings name, if TLS is wanted at all, to find out now what would be found out by the first attempt.
 *
 * @throws UsageError naming the file or the setting, and what is wrong with it.
 */
export function checkTls({ endpoint, handshake, tls }: TlsWish & { readonly endpoint: Endpoint }): void {
  if ((handshake?.tls ?? 'off') !== 'off') createTlsClient(tls, hostOf(endpoint));
}

/** Upgrades with files that are read anew each time: certificates are replaced while clients live on. */
export function upgradeWith(tls: TlsClientSettings | undefined, endpoint?: Endpoint): UpgradeTls {
  // The handshake's deadline covers this, and ends it by closing the channel.
  return async (channel) => createTlsClient(tls, hostOf(endpoint)).upgrade(channel, { timeoutMs: 0 });
}

function hostOf(endpoint: Endpoint | undefined): string | undefined {
  return endpoint?.type === 'tcp' ? endpoint.host : undefined;
}
