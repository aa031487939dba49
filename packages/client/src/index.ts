/**
 * An NBD client: `connect(uri)` gives a block device with streams, extents, cancelling and reconnecting.
 *
 * @packageDocumentation
 */

export type { Delivery, HandshakeLimits } from '@nbdjs/connection';
export * from '@nbdjs/interfaces';
export type { ExtentWalkOptions } from '@nbdjs/kit';
export type {
  DeviceEvent,
  DeviceState,
  Multiplexer,
  MultiplexerOptions,
  ReplyLimits,
  Statistics,
} from '@nbdjs/multiplexer';
export type { NbdUri, UriTls } from '@nbdjs/protocol';
export type { Endpoint, TlsCertificates, TlsClientKey, TlsClientSettings } from '@nbdjs/transport';
export { type AdoptOptions, adoptConnection } from './adopt.ts';
export { NbdClient } from './client.ts';
export {
  type ConnectOptions,
  connect,
  type DeviceOptions,
  type OpenOptions,
  openClient,
} from './connect.ts';
export type { RangeOptions, ReadStreamOptions, WriteStreamOptions } from './streams.ts';
export {
  type CommandTarget,
  type ConnectTarget,
  type DescriptorTarget,
  type ResolvedTarget,
  resolveTarget,
  type TcpTarget,
  type UnixTarget,
} from './target.ts';
export { type ConnectTls, type ResolvedTls, resolveTls, type TlsWishes } from './tls.ts';
