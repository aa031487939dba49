/**
 * The NBD client without Node: for pages, Web Workers and other runtimes. `connect({ open, exportName })` gives a block device with web
 * streams, extents, cancelling and reconnecting, over any transport that opens byte channels.
 *
 * @packageDocumentation
 */
export type { HandshakeLimits } from '@nbdjs/connection/core';
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
export { minimumBlockSizeMax, TransmissionFlag } from '@nbdjs/protocol';
export {
  type RangeOptions,
  type ReadStreamOptions,
  readStreamOptions,
  type WriteStreamOptions,
  writeStreamOptions,
} from '../stream-options.ts';
export { NbdClient } from './client.ts';
export { connect, type OpenerTarget, openClient } from './connect.ts';
export { type ConnectOptions, connectOptions, type OpenOptions } from './options.ts';
