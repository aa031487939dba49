/**
 * An NBD client: `connect(uri)` gives a block device with streams, extents, cancelling and reconnecting.
 *
 * @packageDocumentation
 */

export type { HandshakeLimits } from '@nbdjs/connection';
export type { ReplyLimits } from '@nbdjs/multiplexer';
export { afterMicrotasks, diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/syscalls';
export type { TlsCertificates, TlsClientKey, TlsClientSettings } from '@nbdjs/transport';
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
} from './target.ts';
export { type ConnectTls, type ResolvedTls, resolveTls, type TlsWishes } from './tls.ts';
