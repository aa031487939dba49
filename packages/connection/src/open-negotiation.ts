/** Asking a server about its exports, one option at a time, before opening one of them or none. */
import type { ByteChannel } from '@nbdjs/interfaces';
import { connectEndpoint, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import { nameOfEndpoint, nameOfPeer } from './names.ts';
import type { Negotiation } from './negotiation.ts';
import { NewstyleNegotiation } from './newstyle-negotiation.ts';
import { OldstyleNegotiation } from './oldstyle-negotiation.ts';
import { OptionConversation, type OptionConversationOptions } from './option-conversation.ts';
import { checkTls, settleTls, upgradeWith } from './tls.ts';

export interface OpenNegotiationOptions extends OptionConversationOptions {
  /** Until an endpoint is connected, in milliseconds. @default `limits.connectMs` */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How TLS is set up. Given without `handshake.tls`, it means that TLS is required. A channel does not tell whom the server's
   * certificate has to be for: `hostname` does.
   *
   * @default the client's folder, or the system's authorities, when `handshake.tls` asks for TLS of an endpoint
   */
  readonly tls?: TlsClientSettings | undefined;
}

/**
 * Connects, shakes hands up to the point where options can be sent, and leaves the rest to the caller.
 *
 * @param source a channel, which is given, or an endpoint to connect to.
 * @throws as `negotiate`, and as `connectEndpoint`.
 */
export async function openNegotiation(
  source: ByteChannel | Endpoint,
  given: OpenNegotiationOptions = {},
): Promise<Negotiation> {
  const options = settleTls(given);
  const { handshake, tls } = options;
  if ('send' in source) {
    const { upgradeTls = tls && upgradeWith(tls) } = options;
    return await begin(source, { ...options, upgradeTls }, options.name ?? nameOfPeer(source.peer));
  }
  const { upgradeTls = upgradeWith(tls, source) } = options;
  if (options.upgradeTls === undefined) checkTls({ endpoint: source, handshake, tls });
  const channel = await connectEndpoint(source, options);
  const name = options.name ?? nameOfEndpoint(source, '', handshake?.tls === 'require');
  return await begin(channel, { ...options, upgradeTls }, name);
}

async function begin(channel: ByteChannel, options: OpenNegotiationOptions, name: string): Promise<Negotiation> {
  const conversation = new OptionConversation(channel, options, name);
  const start = await conversation.start(options.signal);
  return start.type === 'negotiating'
    ? new NewstyleNegotiation(conversation, start)
    : new OldstyleNegotiation(conversation, start);
}
