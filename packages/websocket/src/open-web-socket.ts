/** Opening a WebSocket, in pages and wherever the runtime has one. */
import {
  type ByteChannel,
  type ChannelOpener,
  type Clock,
  ConnectError,
  limits,
  type PeerDescription,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import { defineOptions, listenForAbort, type OptionsOf, option, optionChecks, stopListeningForAbort } from '@nbdjs/kit';
import { closeFailure } from './channel/close-code.ts';
import type { WebSocketClose, WebSocketLike } from './channel/web-socket.ts';
import { createWebSocketChannel, describeUrl, webSocketChannelOptions } from './channel/web-socket-channel.ts';

/** Makes WebSockets, as the global class does. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** The options of `openWebSocket` as data, apart from those of the channel. */
const openingOptions = defineOptions({
  /** Subprotocols, in the order of preference; some servers take a token as one of them. The server has to choose one. @default none */
  protocols: option.texts({
    default: [],
    doc: 'Subprotocols, in the order of preference; some servers take a token as one of them. The server has to choose one.',
    defaultText: 'none',
  }),
  /** Milliseconds until the WebSocket is open. @default 30000 */
  connectTimeoutMs: option.milliseconds({
    default: limits.connectMs,
    doc: 'How long it may take until the WebSocket is open.',
  }),
  /** Ends the attempt, which then rejects with the signal's reason. */
  signal: option.signal({ doc: "Ends the attempt, which then rejects with the signal's reason." }),
  /** The class of WebSockets. @default the global one */
  WebSocket: option.checked<WebSocketConstructor>(optionChecks.callback, {
    doc: 'The class of WebSockets.',
    defaultText: 'the global one',
  }),
});

/** The options of `openWebSocket` as data. */
export const openWebSocketOptions = defineOptions({
  ...openingOptions.definitions,
  ...webSocketChannelOptions.definitions,
});

/** The options of `openWebSocket`. */
export interface OpenWebSocketOptions extends OptionsOf<typeof openWebSocketOptions> {}

/**
 * Opens a WebSocket by the class that the runtime has, and makes a channel of it. In Node, `openWeb` of `@nbdjs/websocket/node` can do
 * more: it sends headers, reads certificates, and asks silent peers whether they are still there.
 *
 * @param url `ws:` or `wss:`.
 * @throws UsageError for a wrong URL or option, ConnectError, TimeoutError, or the signal's reason.
 */
export async function openWebSocket(url: string | URL, options: OpenWebSocketOptions = {}): Promise<ByteChannel> {
  const { WebSocket: given, ...settings } = openWebSocketOptions.resolve('openWebSocket', options);
  const target = webUrl(url, ['ws:', 'wss:'], 'openWebSocket');
  const Socket = given ?? (globalThis as { readonly WebSocket?: WebSocketConstructor }).WebSocket;
  if (Socket === undefined) {
    throw new UsageError(
      'ERR_NBD_NOT_SUPPORTED',
      'openWebSocket: this runtime has no WebSocket, give one as an option',
    );
  }
  settings.signal?.throwIfAborted();
  const peer = settings.peer ?? describeUrl(target.href);
  const socket = newSocket(Socket, target, [...settings.protocols]);
  // The first message may come in the same turn as the end of the handshake.
  const adopt = (): ByteChannel => createWebSocketChannel(socket, { ...webSocketChannelOptions.pick(settings), peer });
  return opened(socket, adopt, peer, settings);
}

/**
 * Returns where channels to a server come from, for `connect` of `@nbdjs/client`: `connect({ ...webSocketOpener(url), exportName })`.
 *
 * @throws UsageError for a wrong URL or option.
 */
export function webSocketOpener(url: string | URL, options: Omit<OpenWebSocketOptions, 'signal'> = {}): ChannelOpener {
  openWebSocketOptions.resolve('webSocketOpener', options);
  const target = webUrl(url, ['ws:', 'wss:'], 'webSocketOpener');
  return { name: describeUrl(target.href).name, open: ({ signal }) => openWebSocket(target, { ...options, signal }) };
}

function newSocket(Socket: WebSocketConstructor, url: URL, protocols: string[]): WebSocketLike {
  try {
    return protocols.length > 0 ? new Socket(url.href, protocols) : new Socket(url.href);
  } catch (cause) {
    // A page that came by HTTPS may not open `ws:`, for instance.
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `openWebSocket: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

interface Waiting {
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Waits until the socket is open, and makes a channel of it. One that is not wanted any more is closed. */
function opened(
  socket: WebSocketLike,
  adopt: () => ByteChannel,
  { name }: PeerDescription,
  waiting: Waiting,
): Promise<ByteChannel> {
  const { clock, connectTimeoutMs, signal } = waiting;
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      cancel();
      if (signal !== undefined) stopListeningForAbort(signal, onAbort);
      socket.removeEventListener('open', onOpen);
      socket.removeEventListener('close', onClose);
    };
    const fail = (error: unknown): void => {
      settle();
      socket.close();
      reject(error);
    };
    const onOpen = (): void => {
      settle();
      socket.removeEventListener('error', onError);
      resolve(adopt());
    };
    // `close` follows and says more; it stays in place, because `ws` reports an attempt that is given up as an error.
    const onError = (): void => {};
    const onAbort = (): void => fail(signal?.reason);
    const onClose = ({ code, reason }: WebSocketClose): void => fail(refusal(name, code, reason));
    const expire = (): void =>
      fail(new TimeoutError('connect', `cannot connect to ${name}: no answer within ${connectTimeoutMs} ms`));
    const cancel = clock.schedule(connectTimeoutMs, expire, true);
    socket.addEventListener('open', onOpen);
    socket.addEventListener('error', onError);
    socket.addEventListener('close', onClose);
    if (signal !== undefined) listenForAbort(signal, onAbort);
  });
}

/** Pages are not told why a WebSocket cannot be opened. */
function refusal(name: string, code: number, reason: string): ConnectError {
  const cause = closeFailure(code, reason);
  const why =
    cause === undefined || cause.closeCode === 1006 ? 'nothing answers there, or the server refuses' : cause.message;
  return new ConnectError('ERR_NBD_CONNECT', `cannot connect to ${name}: ${why}`, { cause });
}

/**
 * Checks a URL. A fragment is not a part of the address.
 *
 * @throws UsageError `ERR_NBD_URI`.
 */
export function webUrl(given: string | URL, schemes: readonly string[], caller: string): URL {
  let url: URL;
  try {
    url = new URL(given);
  } catch (cause) {
    throw new UsageError('ERR_NBD_URI', `${caller}: ${JSON.stringify(String(given))} is not a URL`, { cause });
  }
  if (!schemes.includes(url.protocol)) {
    throw new UsageError(
      'ERR_NBD_URI',
      `${caller}: ${url.protocol}// is not supported, expected ${schemes.join(', ')}`,
    );
  }
  url.hash = '';
  return url;
}
