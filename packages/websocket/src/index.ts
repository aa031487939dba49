/**
 * Bytes over WebSocket, as channels: in pages, and over any object with the methods of a WebSocket. `@nbdjs/websocket/node` has what only
 * Node can do.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { WebSocketClose, WebSocketEvents, WebSocketLike, WebSocketMessage } from './channel/web-socket.ts';
export {
  createWebSocketChannel,
  type WebSocketChannelOptions,
  webSocketChannelOptions,
} from './channel/web-socket-channel.ts';
export { createIncomingChannels, type IncomingChannels } from './incoming-channels.ts';
export {
  type OpenWebSocketOptions,
  openWebSocket,
  openWebSocketOptions,
  type WebSocketConstructor,
  webSocketOpener,
} from './open-web-socket.ts';
export { type StayConnectedOptions, type StayEvent, stayConnected, stayConnectedOptions } from './stay-connected.ts';
