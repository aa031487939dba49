/** Scripted peers, virtual time and conformance suites. Only tests import this. */

export { type BlockDeviceFactory, blockDeviceConformance } from './block-device-conformance.ts';
export { type ByteChannelFactory, byteChannelConformance } from './byte-channel-conformance.ts';
export type { ChaosPipe, ChaosPipePlan } from './chaos-pipe.ts';
export {
  type ChaosConnection,
  type ChaosCut,
  type ChaosPlan,
  ChaosProxy,
  type ChaosProxyOptions,
} from './chaos-proxy.ts';
export { type ConnectorFactory, type ConnectorWishes, connectorConformance } from './connector-conformance.ts';
export { FakeConnector } from './fake-connector.ts';
export {
  allTransmissionFlags,
  FakeConnection,
  FakeRequest,
  FakeServer,
  type FakeServerOptions,
  patternBytes,
  type ReadPiece,
} from './fake-server.ts';
export { type FaultEvent, FaultInjector, type FaultInjectorOptions, type FaultRule } from './fault-injector.ts';
export { type Answer, type Conversation, OptionServer, type OptionServerPlan, told } from './option-server.ts';
export { seededRandom } from './random.ts';
export { brokenRecord, type Relay, relay } from './relay.ts';
export { ScriptedChannel, type ScriptedChannelOptions, type ScriptedPeer } from './scripted-channel.ts';
export { listenAt, nodeAddress, type SocketAddress, uriAt } from './socket-address.ts';
export { TestAuthority } from './test-authority.ts';
export { TinyServer, type TinyServerAddress, type TinyServerOptions, tinyServerExportBytes } from './tiny-server.ts';
export { VirtualClock } from './virtual-clock.ts';
