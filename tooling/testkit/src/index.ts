/** Scripted peers, virtual time and the conformance suites. Only tests import this. */

export type { BlockDeviceFactory, ByteChannelFactory } from '@nbdjs/conformance';
export { seededRandom } from '@nbdjs/conformance';
export {
  type ConnectorFactory,
  type ConnectorWishes,
  type SocketAddress,
  TinyServer,
  type TinyServerAddress,
  type TinyServerOptions,
  tinyServerExportBytes,
} from '@nbdjs/conformance/connector';
export type { ChaosPipe, ChaosPipePlan } from './chaos-pipe.ts';
export {
  type ChaosConnection,
  type ChaosCut,
  type ChaosPlan,
  ChaosProxy,
  type ChaosProxyOptions,
} from './chaos-proxy.ts';
export { blockDeviceConformance, byteChannelConformance, connectorConformance } from './conformance.ts';
export { type FaultEvent, FaultInjector, type FaultInjectorOptions, type FaultRule } from './fault-injector.ts';
export { slowCrc32, slowCrc32c } from './images/checksums.ts';
export {
  buildQcow2Image,
  type Qcow2Image,
  type Qcow2ImageOptions,
  type Qcow2ImagePlaces,
} from './images/qcow2-image.ts';
export {
  buildVhdx,
  mendVhdx,
  type VhdxLogChange,
  type VhdxLogEntry,
  type VhdxPlan,
  vhdxPlaces,
} from './images/vhdx-builder.ts';
export { brokenRecord, type Relay, relay } from './relay.ts';
export { type S3Proxy, startS3Proxy } from './s3/s3-proxy.ts';
export { type S3Server, startS3Server } from './s3/s3-server.ts';
export type { S3ServerOptions } from './s3/s3-server-options.ts';
export type { S3Call, S3Trouble } from './s3/troubled-server.ts';
export { ScriptedChannel, type ScriptedChannelOptions, type ScriptedPeer } from './scripted-channel.ts';
export * from './server/index.ts';
export { listenAt, nodeAddress, uriAt } from './socket-address.ts';
export { TestAuthority } from './test-authority.ts';
export { VirtualClock } from './virtual-clock.ts';
