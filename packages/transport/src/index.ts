/**
 * Bytes over TCP, Unix sockets, child processes, inherited descriptors and memory, in the clear or in TLS, as channels that
 * write into their receiver's own memory. Knows nothing of what the bytes mean.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { type CommandOptions, type CommandServer, runCommand } from './command.ts';
export { type ConnectOptions, connectTcp, connectUnix, type TcpAddress } from './connect.ts';
export { adoptDescriptor, adoptStdio, type DetachedDescriptor, detachDescriptor } from './descriptor.ts';
export type { TransportEvent } from './diagnostics.ts';
export { checkEndpoint, connectEndpoint, describeEndpoint, type Endpoint } from './endpoint.ts';
export {
  type AddressOf,
  type ListenAddress,
  type Listener,
  type ListenOptions,
  type ListenTarget,
  listen,
} from './listen.ts';
export { createMemoryPair, type MemoryPairOptions } from './memory-pair.ts';
export type { CommandEnd } from './program.ts';
export { inheritedListeners } from './socket-activation.ts';
export { createTlsClient, type TlsClient } from './tls/client.ts';
export { createTlsServer, isAllowed, type TlsServer } from './tls/server.ts';
export type {
  TlsAllowance,
  TlsCertificates,
  TlsClientKey,
  TlsClientSettings,
  TlsPeer,
  TlsServerKeys,
  TlsServerSettings,
} from './tls/settings.ts';
export { allowSubjects } from './tls/subject-patterns.ts';
export { readTextFile, type TextFileLimits } from './tls/text-file.ts';
export type { TlsChannel } from './tls/tls-channel.ts';
export type { UpgradeOptions } from './tls/upgrade.ts';
