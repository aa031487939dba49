/** Asking a server about its exports, one option at a time, before opening one of them, or none. */
import type { ByteChannel, ChannelOpener } from '@nbdjs/interfaces';
import { checkEndpoint, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import { endpointSource } from '../attempts/attempt-settings.ts';
import { isOpener, nameOfOpener, openerSource } from '../attempts/opener-source.ts';
import type { ServerSource } from '../attempts/server-source.ts';
import {
  beginOver,
  type OpenNegotiationOptions as CoreOptions,
  isChannel,
  negotiateAt,
} from '../core/open-negotiation.ts';
import { nameOfEndpoint } from '../names.ts';
import type { Negotiation } from '../negotiation/negotiation.ts';
import { checkTls, resolveTlsMode, upgradeWith } from '../tls.ts';

/** The same as without Node, and how TLS is set up. */
export interface OpenNegotiationOptions extends CoreOptions {
  /**
   * How TLS is set up. Given without `handshake.tls`, it means that TLS is required. With a channel, the name in the server's
   * certificate is checked only against `hostname`.
   *
   * @default the client's folder, or the system's authorities, when `handshake.tls` asks for TLS of an endpoint
   */
  readonly tls?: TlsClientSettings | undefined;
}

/**
 * Connects, and negotiates up to the point where options can be sent.
 *
 * @param place An endpoint to connect to, an opener that gives a channel for each attempt, or a channel, which belongs to this call.
 * @throws as `negotiate`, and as `connectEndpoint`.
 */
export async function openNegotiation(
  place: ByteChannel | ChannelOpener | Endpoint,
  given: OpenNegotiationOptions = {},
): Promise<Negotiation> {
  const options = resolveTlsMode(given);
  const { handshake, tls } = options;
  if (isChannel(place))
    return await beginOver(place, { ...options, upgradeTls: options.upgradeTls ?? (tls && upgradeWith(tls)) });
  const { upgradeTls = upgradeWith(tls, place) } = options;
  const source = sourceOf(place, options);
  if (options.upgradeTls === undefined) checkTls({ endpoint: place, handshake, tls });
  return await negotiateAt(source, { ...options, upgradeTls });
}

/** @throws UsageError for an endpoint in a wrong form. */
function sourceOf(place: ChannelOpener | Endpoint, { name, handshake }: OpenNegotiationOptions): ServerSource {
  if (isOpener(place)) return openerSource(place, name ?? nameOfOpener(place));
  checkEndpoint(place);
  return endpointSource(place, name ?? nameOfEndpoint(place, '', handshake?.tls === 'require'));
}
