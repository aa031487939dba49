/** Asking a server about its exports over a transport of the caller's, one option at a time, before opening one of them, or none. */
import type { AvoidableOption } from '@nbdjs/handshake';
import { type ByteChannel, type ChannelOpener, limits, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { ladderFor } from '../attempts/attempt-loop.ts';
import { type Candidate, ConnectLoop } from '../attempts/connect-loop.ts';
import { isOpener, nameOfOpener, openerSource } from '../attempts/opener-source.ts';
import { type RepetitionOptions, repetitionOptions } from '../attempts/repetition-options.ts';
import type { ServerSource } from '../attempts/server-source.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { connectionTrace, withTrace } from '../diagnostics.ts';
import { nameOfPeer } from '../negotiation/name-of-peer.ts';
import type { Negotiation } from '../negotiation/negotiation.ts';
import { NewstyleNegotiation } from '../negotiation/newstyle-negotiation.ts';
import { OldstyleNegotiation } from '../negotiation/oldstyle-negotiation.ts';
import { OptionConversation, type OptionConversationOptions } from '../negotiation/option-conversation.ts';

/** How a server is connected to, asked up to option mode, and tried again. */
export interface OpenNegotiationOptions
  extends OptionConversationOptions,
    Pick<RepetitionOptions, 'awaitExport' | 'openAttemptsMax' | 'openTimeoutMs'> {
  /** Until the transport is connected, in milliseconds. @default `limits.connectMs` */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * An attempt succeeds only when this does: ask here the questions that the server has to answer. It is called again, with a new
   * connection, when an attempt is repeated, and when the server has failed at an option, which is then left out (`avoided`).
   */
  readonly probe?: ((negotiation: Negotiation) => Promise<unknown>) | undefined;
}

/**
 * Connects, and negotiates up to the point where options can be sent.
 *
 * @param place An opener that gives a channel for each attempt, or a channel, which belongs to this call.
 * @throws as `negotiate`; UsageError `ERR_NBD_ARGUMENT` for what is neither.
 */
export async function openNegotiation(
  place: ByteChannel | ChannelOpener,
  options: OpenNegotiationOptions = {},
): Promise<Negotiation> {
  if (isChannel(place)) return await beginOver(place, options);
  if (isOpener(place)) return await negotiateAt(openerSource(place, options.name ?? nameOfOpener(place)), options);
  const message = `openNegotiation: the place is ${describeValue(place)}, expected a ByteChannel, or { open }, which gives one`;
  throw new UsageError('ERR_NBD_ARGUMENT', message);
}

/** Returns whether a value is a channel, and not an opener or a description of a place. */
export function isChannel(place: unknown): place is ByteChannel {
  return typeof place === 'object' && place !== null && 'send' in place;
}

/** Negotiates over a channel, which belongs to this call. */
export async function beginOver(channel: ByteChannel, options: OpenNegotiationOptions): Promise<Negotiation> {
  return await begin(channel, options, options.name ?? nameOfPeer(channel.peer));
}

/** Connects to a server, and again where the options ask for that. */
export async function negotiateAt(source: ServerSource, options: OpenNegotiationOptions): Promise<Negotiation> {
  const { handshake, connectTimeoutMs = limits.connectMs, clock = systemClock } = options;
  const { name } = source;
  const ladder = ladderFor(handshake ?? {}, name, connectionTrace, (options.openTimeoutMs ?? 0) > 0);
  return await repeatedly(options, name, async (signal) => {
    const connectAndBegin = async (avoid: readonly AvoidableOption[]) => {
      const channel = await source.connect({ signal, connectTimeoutMs, clock });
      return await begin(channel, { ...options, handshake: { ...handshake, avoid }, signal }, name);
    };
    return source.isSingle ? await connectAndBegin(handshake?.avoid ?? []) : await ladder.descend(connectAndBegin);
  });
}

/** Makes one attempt, or several where the options ask for that. */
async function repeatedly(
  options: OpenNegotiationOptions,
  name: string,
  attempt: (signal: AbortSignal | undefined) => Promise<Negotiation>,
): Promise<Negotiation> {
  const { signal, clock = systemClock } = options;
  const repetition = repetitionOptions.resolve('openNegotiation', repetitionOptions.pick(options));
  if (repetition.openTimeoutMs === 0) return await attempt(signal);
  const stayAlive = new StayAlive();
  const loop = new ConnectLoop<Negotiation>({
    ...repetition,
    name,
    clock,
    attempt: async (ended) => candidate(await attempt(ended)),
    trace: connectionTrace,
    waiting: (on) => stayAlive.set(on),
  });
  try {
    return await loop.establish({ wait: true, signal });
  } finally {
    loop.release();
  }
}

function candidate(negotiation: Negotiation): Candidate<Negotiation> {
  return { usable: true, take: () => negotiation, discard: () => negotiation.close() };
}

async function begin(channel: ByteChannel, options: OpenNegotiationOptions, name: string): Promise<Negotiation> {
  const settings = withTrace({ ...options, handshake: options.handshake ?? {} });
  const conversation = new OptionConversation(channel, settings, name);
  const start = await conversation.start(options.signal);
  const negotiation =
    start.type === 'negotiating'
      ? new NewstyleNegotiation(conversation, start)
      : new OldstyleNegotiation(conversation, start);
  if (options.probe !== undefined) await probe(negotiation, options.probe, options.signal);
  return negotiation;
}

/** Runs the caller's probe. When it fails, the negotiation is ended. */
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
