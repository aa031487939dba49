/** TLS as the settings of a connector ask for it. */
import type { ClientHandshakeOptions } from '@nbdjs/handshake';
import type { ChannelOpener } from '@nbdjs/interfaces';
import { createTlsClient, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import type { UpgradeTls } from './negotiation/handshake-driver.ts';

/** Where a server is: only an endpoint tells its host. */
type Place = Endpoint | ChannelOpener;

/** Whether TLS is used, and how it is set up. */
interface TlsOptions {
  readonly handshake?: ClientHandshakeOptions | undefined;
  readonly tls?: TlsClientSettings | undefined;
}

/** Returns settings in which the TLS mode is given: `require` where only `tls` was. */
export function resolveTlsMode<Settings extends TlsOptions>(settings: Settings): Settings {
  const { handshake, tls } = settings;
  if (tls === undefined || handshake?.tls !== undefined) return settings;
  return { ...settings, handshake: { ...handshake, tls: 'require' } };
}

/**
 * Reads the files that the settings name, if TLS is used, so that an error in them is reported now and not by the first attempt.
 *
 * @throws UsageError naming the file or the setting, and what is wrong with it.
 */
export function checkTls({ endpoint, handshake, tls }: TlsOptions & { readonly endpoint?: Place | undefined }): void {
  if ((handshake?.tls ?? 'off') !== 'off') createTlsClient(tls, hostOf(endpoint));
}

/** Returns an upgrade that reads the files again each time: certificates may be replaced while clients run. */
export function upgradeWith(tls: TlsClientSettings | undefined, endpoint?: Place): UpgradeTls {
  // The time limit of the handshake covers this, and ends it by closing the channel.
  return async (channel) => createTlsClient(tls, hostOf(endpoint)).upgrade(channel, { timeoutMs: 0 });
}

function hostOf(place: Place | undefined): string | undefined {
  return place !== undefined && 'type' in place && place.type === 'tcp' ? place.host : undefined;
}
