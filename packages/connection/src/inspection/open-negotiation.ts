/** Asking a server about its exports, one option at a time, before opening one of them or none. */
import type { AvoidableOption } from '@nbdjs/handshake';
import type { ByteChannel } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { checkEndpoint, connectEndpoint, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import { ladderFor } from '../attempts/attempt-settings.ts';
import { type Candidate, ConnectLoop } from '../attempts/connect-loop.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { publish } from '../diagnostics.ts';
import { nameOfEndpoint, nameOfPeer } from '../names.ts';
import type { Negotiation } from '../negotiation/negotiation.ts';
import { NewstyleNegotiation } from '../negotiation/newstyle-negotiation.ts';
import { OldstyleNegotiation } from '../negotiation/oldstyle-negotiation.ts';
import { OptionConversation, type OptionConversationOptions } from '../negotiation/option-conversation.ts';
import { checkTls, resolveTlsMode, upgradeWith } from '../tls.ts';

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
  /**
   * More than 0: attempts at an endpoint are repeated until one succeeds, for at most this long, in milliseconds; a refusal on
   * principle ends that. @default 0
   */
  readonly openTimeoutMs?: number | undefined;
  /** No more attempts than this. @default as many as the time allows */
  readonly openAttemptsMax?: number | undefined;
  /** An export that the server does not know to `probe` is waited for, as a server that is not there is. @default false */
  readonly awaitExport?: boolean | undefined;
  /**
   * An attempt counts as a success when this succeeds, too: ask here what the server has to be able to answer. It is asked again, of a new
   * connection, when an attempt is repeated, and when the server could not stand an option: without that, as `avoided` tells.
   */
  readonly probe?: ((negotiation: Negotiation) => Promise<unknown>) | undefined;
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
  const options = resolveTlsMode(given);
  const { handshake, tls } = options;
  const isChannel = typeof source === 'object' && source !== null && 'send' in source;
  if (isChannel) {
    const { upgradeTls = tls && upgradeWith(tls) } = options;
    return await begin(source, { ...options, upgradeTls }, options.name ?? nameOfPeer(source.peer));
  }
  checkEndpoint(source);
  const { upgradeTls = upgradeWith(tls, source) } = options;
  if (options.upgradeTls === undefined) checkTls({ endpoint: source, handshake, tls });
  const name = options.name ?? nameOfEndpoint(source, '', handshake?.tls === 'require');
  const ladder = ladderFor(handshake ?? {}, name, publish, (options.openTimeoutMs ?? 0) > 0);
  return await repeatedly(options, name, async (signal) => {
    const meet = async (avoid: readonly AvoidableOption[]) => {
      const channel = await connectEndpoint(source, { ...options, signal });
      return await begin(channel, { ...options, handshake: { ...handshake, avoid }, upgradeTls, signal }, name);
    };
    return source.type === 'descriptor' ? await meet(handshake?.avoid ?? []) : await ladder.descend(meet);
  });
}

/** Makes one attempt, or several where the options want that. */
async function repeatedly(
  options: OpenNegotiationOptions,
  name: string,
  attempt: (signal: AbortSignal | undefined) => Promise<Negotiation>,
): Promise<Negotiation> {
  const { signal, openTimeoutMs = 0, openAttemptsMax, awaitExport, clock = systemClock } = options;
  if (openTimeoutMs === 0) return await attempt(signal);
  const stayAlive = new StayAlive();
  const attempts = new ConnectLoop<Negotiation>({
    name,
    openTimeoutMs,
    openAttemptsMax,
    awaitExport,
    clock,
    attempt: async (ended) => candidate(await attempt(ended)),
    report: publish,
    waiting: (on) => stayAlive.set(on),
  });
  try {
    return await attempts.establish({ wait: true, signal });
  } finally {
    attempts.release();
  }
}

function candidate(negotiation: Negotiation): Candidate<Negotiation> {
  return { usable: true, take: () => negotiation, discard: () => negotiation.close() };
}

async function begin(channel: ByteChannel, options: OpenNegotiationOptions, name: string): Promise<Negotiation> {
  const conversation = new OptionConversation(channel, options, name);
  const start = await conversation.start(options.signal);
  const negotiation =
    start.type === 'negotiating'
      ? new NewstyleNegotiation(conversation, start)
      : new OldstyleNegotiation(conversation, start);
  if (options.probe !== undefined) await probe(negotiation, options.probe, options.signal);
  return negotiation;
}

/** Takes leave of a server that does not pass. */
async function probe(
  negotiation: Negotiation,
  ask: (negotiation: Negotiation) => Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const onAbort = () => negotiation.close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await ask(negotiation);
  } catch (error) {
    await negotiation.abort().catch(() => {});
    negotiation.close();
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
