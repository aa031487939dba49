/** Asking a server about its exports, one option at a time, before opening one of them or none. */
import type { ByteChannel } from '@nbdjs/interfaces';
import { connectEndpoint, type Endpoint } from '@nbdjs/transport';
import { nameOfEndpoint, nameOfPeer } from './names.ts';
import type { Negotiation } from './negotiation.ts';
import { NewstyleNegotiation } from './newstyle-negotiation.ts';
import { OldstyleNegotiation } from './oldstyle-negotiation.ts';
import { OptionConversation, type OptionConversationOptions } from './option-conversation.ts';

export interface OpenNegotiationOptions extends OptionConversationOptions {
  /** Until an endpoint is connected, in milliseconds. @default `limits.connectMs` */
  readonly connectTimeoutMs?: number | undefined;
}

/**
 * Connects, shakes hands up to the point where options can be sent, and leaves the rest to the caller.
 *
 * @param source a channel, which is given, or an endpoint to connect to.
 * @throws as `negotiate`, and as `connectEndpoint`.
 */
export async function openNegotiation(
  source: ByteChannel | Endpoint,
  options: OpenNegotiationOptions = {},
): Promise<Negotiation> {
  const tlsRequired = options.handshake?.tls === 'require';
  if ('send' in source) return await begin(source, options, options.name ?? nameOfPeer(source.peer));
  const channel = await connectEndpoint(source, options);
  return await begin(channel, options, options.name ?? nameOfEndpoint(source, '', tlsRequired));
}

async function begin(channel: ByteChannel, options: OpenNegotiationOptions, name: string): Promise<Negotiation> {
  const conversation = new OptionConversation(channel, options, name);
  const start = await conversation.start(options.signal);
  return start.type === 'negotiating'
    ? new NewstyleNegotiation(conversation, start)
    : new OldstyleNegotiation(conversation, start);
}
