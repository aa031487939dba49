/**
 * An NBD client: `connect(uri)` gives a block device with streams, extents, cancelling and reconnecting.
 *
 * @packageDocumentation
 */
export type { Delivery, HandshakeLimits } from '@nbdjs/connection';
export {
  defaultPort,
  formatUri,
  looksLikeUri,
  type NbdUri,
  parseUri,
  type UriAddress,
  type UriTls,
} from '@nbdjs/protocol';
export type { Endpoint, TlsCertificates, TlsClientKey, TlsClientSettings } from '@nbdjs/transport';
export { adoptStream, type WebStreamPair } from '@nbdjs/transport';
export { adoptConnection } from './adopt.ts';
export { NbdClient } from './client.ts';
export { connect, openClient } from './connect.ts';
export type { OpenerTarget } from './core/connect.ts';
export * from './names.ts';
export {
  type AdoptOptions,
  type ConnectOptions,
  type ConnectTls,
  connectOptions,
  type OpenOptions,
} from './options.ts';
export {
  type CommandTarget,
  type ConnectTarget,
  type ConnectTargets,
  type DescriptorTarget,
  type ResolvedTarget,
  resolveTarget,
  type TcpTarget,
  type UnixTarget,
} from './target.ts';
export { type ResolvedTls, resolveTls } from './tls.ts';
