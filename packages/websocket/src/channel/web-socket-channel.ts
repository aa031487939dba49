/** A WebSocket of a page, or one with the same methods, as a `ByteChannel`. */
import { type ByteChannel, type Clock, limits, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { FrameChannel } from './frame-channel.ts';
import { WebFrameSocket } from './web-frame-socket.ts';
import { readyState, type WebSocketLike } from './web-socket.ts';

const mebi = 2 ** 20;

/** The options of `createWebSocketChannel` as data. */
export const webSocketChannelOptions = defineOptions({
  /** Bytes of one message that is sent; longer chunks are cut. @default 1048576 */
  messageBytesMax: option.bytes({
    default: mebi,
    doc: 'Bytes of one message that is sent; longer chunks are cut.',
  }),
  /** Bytes that wait to be sent before the sender is asked to wait. @default 1048576 */
  sendBufferBytes: option.bytes({
    default: mebi,
    doc: 'Bytes that wait to be sent before the sender is asked to wait.',
  }),
  /**
   * Bytes that may have come and wait for a receiver that has paused the channel. A page cannot stop what arrives, so beyond that the
   * channel ends with an error. @default 134217728
   */
  backlogBytesMax: option.bytes({
    default: 128 * mebi,
    doc:
      'Bytes that may have come and wait for a receiver that has paused the channel. A page cannot stop what arrives, so beyond that ' +
      'the channel ends with an error.',
  }),
  /** Milliseconds that the closing handshake may take; then the channel counts as closed. @default 10000 */
  closeMs: option.milliseconds({
    default: limits.closeMs,
    doc: 'How long the closing handshake may take; then the channel counts as closed.',
  }),
  /** How the channel describes its peer. @default the URL of the socket without its query */
  peer: option.object<PeerDescription>({
    doc: 'How the channel describes its peer.',
    defaultText: 'the URL of the socket without its query',
  }),
  /** Time, for tests. @default `systemClock` of `@nbdjs/node` */
  clock: option.object<Clock>({
    default: systemClock,
    doc: 'Time, for tests.',
    defaultText: '`systemClock` of `@nbdjs/node`',
  }),
});

/** The options of `createWebSocketChannel`. */
export interface WebSocketChannelOptions extends OptionsOf<typeof webSocketChannelOptions> {}

/**
 * Makes a channel of a WebSocket that is open. The socket belongs to the channel from then on.
 *
 * WebSocket has no way to end one direction only: `end` sends Close after everything else, and the peer answers it at once. What the peer
 * had sent before still arrives, except in pages, where the browser drops it.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when it is no WebSocket or an option is wrong, `ERR_NBD_STATE` when it is not open.
 */
export function createWebSocketChannel(socket: WebSocketLike, options: WebSocketChannelOptions = {}): ByteChannel {
  const settings = webSocketChannelOptions.resolve('createWebSocketChannel', options);
  if (typeof socket !== 'object' || socket === null || typeof socket.addEventListener !== 'function') {
    throw new UsageError('ERR_NBD_ARGUMENT', 'createWebSocketChannel: expected a WebSocket');
  }
  if (socket.readyState !== readyState.open) {
    throw new UsageError('ERR_NBD_STATE', 'createWebSocketChannel: the WebSocket is not open');
  }
  const peer = settings.peer ?? describeUrl(socket.url);
  return new FrameChannel(peer, (events) => new WebFrameSocket(socket, events, settings), settings.backlogBytesMax);
}

/** Describes the peer at a URL. Its query and its user may be secrets, so they are left out. */
export function describeUrl(text: string): PeerDescription {
  const [address = ''] = text.split(/[?#]/);
  const name = address.replace(/^(\w+:\/\/)[^/@]*@/, '$1');
  return {
    name: name === '' ? 'WebSocket' : name,
    transport: 'websocket',
    tls: /^(wss|https):/i.test(text),
  };
}
