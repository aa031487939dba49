/**
 * Bytes over TCP, Unix sockets, child processes, inherited descriptors and memory, in the clear or in TLS, as channels that
 * write into their receiver's own memory. Knows nothing of what the bytes mean.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { EventsOf } from '@nbdjs/kit';
export { adoptStream } from './channels/adopt-stream.ts';
export { adoptDescriptor, adoptStdio, type DetachedDescriptor, detachDescriptor } from './channels/descriptor.ts';
export { createMemoryPair, type MemoryPairOptions } from './channels/memory-pair.ts';
export { adoptPort, type PortChannelOptions, type PortLike } from './channels/port-channel.ts';
export { adoptUpgraded } from './channels/upgraded.ts';
export type { BytesReader, BytesWriter, WebStreamPair } from './channels/web-stream-channel.ts';
export { runCommand } from './commands/command.ts';
export { type CommandOpenerOptions, createCommandOpener } from './commands/command-opener.ts';
export type { CommandOptions, CommandServer } from './commands/command-server.ts';
export type { CommandEnd } from './commands/program.ts';
export { type ConnectOptions, connectTcp, connectUnix, type TcpAddress } from './connecting/connect.ts';
export { checkEndpoint, connectEndpoint, describeEndpoint, type Endpoint } from './connecting/endpoint.ts';
export { type TransportEvents, transportEvents } from './events.ts';
export { type ListenOptions, listen } from './listening/listen.ts';
export { inheritedListeners } from './listening/socket-activation.ts';
export { type StartedServer, startServer } from './listening/start-server.ts';
export { createTlsClient, type TlsClient } from './tls/client.ts';
export { readTlsIdentity, type TlsIdentity } from './tls/files.ts';
export { createTlsServer, serverTls, type TlsServer } from './tls/server.ts';
export {
  type TlsCertificates,
  type TlsClientKey,
  type TlsClientSettings,
  type TlsServerKeys,
  type TlsServerSettings,
  tlsCertificates,
  tlsClientOptions,
  tlsServerOptions,
} from './tls/settings.ts';
export { allowSubjects } from './tls/subject-patterns.ts';
export { readTextFile, type TextFileLimits } from './tls/text-file.ts';
export type { TlsChannel } from './tls/tls-channel.ts';
export type { UpgradeOptions } from './tls/upgrade.ts';
