/** Connecting to a server by WebSocket or by HTTP Upgrade. */
import {
  type ByteChannel,
  type ChannelOpener,
  type PeerDescription,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import { listenForAbort, stopListeningForAbort } from '@nbdjs/kit';
import { describeUrl } from '../channel/web-socket-channel.ts';
import { webUrl } from '../open-web-socket.ts';
import { announceConnect } from './diagnostics.ts';
import type { Attempt } from './open-attempt.ts';
import { type OpenWebOptions, type OpenWebSettings, openWebOptions } from './open-options.ts';
import { beginUpgrade, beginWebSocket } from './open-upgrade.ts';

export { type OpenWebOptions, openWebOptions } from './open-options.ts';

/** The schemes of `openWeb`: what begins an attempt, and how the channel's transport is called. */
const schemes: Readonly<Record<string, { readonly begin: Begin; readonly transport: string }>> = {
  'ws:': { begin: beginWebSocket, transport: 'websocket' },
  'wss:': { begin: beginWebSocket, transport: 'websocket' },
  'http:': { begin: beginUpgrade, transport: 'http-upgrade' },
  'https:': { begin: beginUpgrade, transport: 'http-upgrade' },
};

type Begin = (url: URL, peer: PeerDescription, settings: OpenWebSettings) => Attempt;

/** Whether a text is a URL for `openWeb`. */
export function isWebUrl(text: string): boolean {
  return /^(ws|wss|http|https):\/\//i.test(text);
}

/**
 * Opens a channel: by WebSocket for `ws:` and `wss:`, by HTTP Upgrade for `http:` and `https:`. A user and a password in the URL become
 * `Authorization: Basic`; a fragment is not sent.
 *
 * @throws UsageError for a wrong URL or option, ConnectError when there is no server or it refuses, TimeoutError, or the signal's reason.
 */
export async function openWeb(url: string | URL, options: OpenWebOptions = {}): Promise<ByteChannel> {
  const settings = openWebOptions.resolve('openWeb', options);
  const target = webUrl(url, Object.keys(schemes), 'openWeb');
  const scheme = schemes[target.protocol];
  if (scheme === undefined) throw new UsageError('ERR_NBD_URI', `openWeb: ${target.protocol}// is not supported`);
  settings.signal?.throwIfAborted();
  const peer = settings.peer ?? { ...describeUrl(target.href), transport: scheme.transport };
  announceConnect(peer);
  return within(settings, peer, scheme.begin(target, peer, settings));
}

/**
 * Returns where channels to a server come from, for `connect` of `@nbdjs/client`: `connect({ ...webOpener(url), exportName })`.
 *
 * @throws UsageError for a wrong URL or option.
 */
export function webOpener(url: string | URL, options: Omit<OpenWebOptions, 'signal'> = {}): ChannelOpener {
  openWebOptions.resolve('webOpener', options);
  const target = webUrl(url, Object.keys(schemes), 'webOpener');
  return { name: describeUrl(target.href).name, open: ({ signal }) => openWeb(target, { ...options, signal }) };
}

/** Bounds an attempt by the limit of time and the caller's signal. */
async function within(
  { signal, connectTimeoutMs, clock }: OpenWebSettings,
  { name }: PeerDescription,
  attempt: Attempt,
): Promise<ByteChannel> {
  const onAbort = (): void => attempt.abandon(signal?.reason);
  const expire = (): void =>
    attempt.abandon(new TimeoutError('connect', `cannot connect to ${name}: no answer within ${connectTimeoutMs} ms`));
  const cancel = clock.schedule(connectTimeoutMs, expire, true);
  if (signal !== undefined) listenForAbort(signal, onAbort);
  try {
    return await attempt.channel;
  } finally {
    cancel();
    if (signal !== undefined) stopListeningForAbort(signal, onAbort);
  }
}
