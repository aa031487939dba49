/**
 * Channels over WebSocket and HTTP Upgrade in Node, as client and as server.
 *
 * @packageDocumentation
 */

export { type WebSocketPackageEvents, websocketEvents } from '../events.ts';
export * from '../index.ts';
export { type AttachWebOptions, attachWebOptions, type WebKind, type WebRequest } from './attach-options.ts';
export { attachWeb, type WebAttachment } from './attach-web.ts';
export {
  type ListenWebOptions,
  listenWeb,
  listenWebOptions,
  type WebListener,
  type WebListenTarget,
} from './listen-web.ts';
export { isWebUrl, type OpenWebOptions, openWeb, openWebOptions, webOpener } from './open-web.ts';
