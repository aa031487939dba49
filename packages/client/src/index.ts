/**
 * An NBD client: `connect(uri)` gives a block device with streams, extents, cancelling and reconnecting.
 *
 * @packageDocumentation
 */
export type { Delivery, HandshakeLimits } from '@nbdjs/connection';
export type {
  Abilities,
  Abortable,
  BlockDevice,
  BlockSizes,
  BlockStatusOptions,
  ByteChannel,
  ByteSink,
  ChannelOpener,
  CloseReason,
  Connector,
  DeferredReads,
  Established,
  EstablishOptions,
  ExportFacts,
  Extent,
  Geometry,
  HandshakeStyle,
  HeaderMode,
  Losses,
  LostRange,
  MetaContextExtents,
  Offset,
  OpenChannelOptions,
  PeerDescription,
  ReadChunk,
  ReadOptions,
  RetainedWrites,
  SelectedContext,
  TransportName,
  WriteOptions,
  WriteZeroesOptions,
} from '@nbdjs/interfaces';
export {
  AllocationStatus,
  allocationDepth,
  baseAllocation,
  CommandError,
  ConnectError,
  ConnectionLostError,
  isNbdError,
  NbdError,
  NegotiationError,
  ProtocolError,
  TimeoutError,
  UsageError,
  WritesLostError,
} from '@nbdjs/interfaces';
export type { ExtentWalkOptions } from '@nbdjs/kit';
export type {
  DeviceEvent,
  DeviceOptions,
  DeviceState,
  JournalOptions,
  Multiplexer,
  ReplyLimits,
  Statistics,
} from '@nbdjs/multiplexer';
export {
  defaultPort,
  formatUri,
  looksLikeUri,
  minimumBlockSizeMax,
  type NbdUri,
  parseUri,
  TransmissionFlag,
  type UriAddress,
  type UriTls,
} from '@nbdjs/protocol';
export type { Endpoint, TlsCertificates, TlsClientKey, TlsClientSettings } from '@nbdjs/transport';
export { adoptStream, type WebStreamPair } from '@nbdjs/transport';
export { adoptConnection } from './adopt.ts';
export { NbdClient } from './client.ts';
export { connect, openClient } from './connect.ts';
export {
  type AdoptOptions,
  type ConnectOptions,
  type ConnectTls,
  connectOptions,
  type OpenOptions,
} from './options.ts';
export {
  type RangeOptions,
  type ReadStreamOptions,
  readStreamOptions,
  type WriteStreamOptions,
  writeStreamOptions,
} from './stream-options.ts';
export {
  type CommandTarget,
  type ConnectTarget,
  type ConnectTargets,
  type DescriptorTarget,
  type OpenerTarget,
  type ResolvedTarget,
  resolveTarget,
  type TcpTarget,
  type UnixTarget,
} from './target.ts';
export { type ResolvedTls, resolveTls } from './tls.ts';
