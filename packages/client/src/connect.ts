/** Putting the parts together: a target's connector, the multiplexer on top, and the client around it. */
import {
  type ClientHandshakeOptions,
  clientHandshakeOptions,
  connectorOptions,
  createConnector,
  createOpenerConnector,
  handshakeLimits,
  openerConnectorOptions,
} from '@nbdjs/connection';
import { type Connector, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import {
  createMultiplexer,
  type DeviceOptions,
  deviceOptions,
  type MultiplexerEvents,
  multiplexerEvents,
  replyLimits,
} from '@nbdjs/multiplexer';
import { afterMicrotasks, diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/node';
import type { TlsClientSettings } from '@nbdjs/transport';
import { NbdClient } from './client.ts';
import { type ConnectOptions, connectOptions, type OpenOptions, openOptions, tlsOptions } from './options.ts';
import { type ConnectTarget, type ResolvedTarget, resolveTarget } from './target.ts';
import { resolveTls } from './tls.ts';

/**
 * Connects to an export.
 *
 * @param target An NBD URI (`nbd://host/export`, `nbd+unix:///export?socket=PATH`), `{ host, port, exportName }`, `{ path,
 *   exportName }`, a command to run, a descriptor, or an opener of channels of another transport.
 * @throws UsageError for a target or an option that is wrong, ConnectError when there is no server, NegotiationError when the
 *   server refuses, ProtocolError when it breaks the specification, TimeoutError, or the signal's reason.
 */
export async function connect(target: ConnectTarget, options: ConnectOptions = {}): Promise<NbdClient> {
  const settings = connectOptions.resolve('connect', options);
  tlsOptions.resolve('connect: tls', options.tls);
  const resolved = resolveTarget(target);
  const { endpoint, name } = resolved;
  const { mode, settings: tls } = resolveTls(resolved, options);
  const handshake = {
    ...clientHandshakeOptions.pick(options),
    exportName: settings.exportName ?? resolved.exportName,
    limits: handshakeLimits.pick(settings.limits),
    tls: mode,
  };
  const connector = connectorFor(endpoint, handshake, tls, options);
  // A command that is started again serves what it began with, and a descriptor is gone with its connection.
  const canComeBack = 'open' in endpoint || (endpoint.type !== 'command' && endpoint.type !== 'descriptor');
  const reconnects = options.reconnects ?? (canComeBack || settings.reconnectDelayMs > 0);
  const limits = replyLimits.pick(settings.limits);
  return await openDevice(connector, { ...deviceOptions.pick(options), reconnects, limits }, name, settings.signal);
}

/** Makes the connector for a place, on the thread that the options ask for. */
function connectorFor(
  endpoint: ResolvedTarget['endpoint'],
  handshake: ClientHandshakeOptions,
  tls: TlsClientSettings | undefined,
  options: ConnectOptions,
): Connector {
  if (!('open' in endpoint)) {
    return createConnector({ ...connectorOptions.pick(options), endpoint, handshake, tls }).connector;
  }
  if ((options.delivery ?? 'inline') !== 'inline') {
    const message = `connect: delivery is '${options.delivery}', but an opener of channels belongs to this thread, expected 'inline'`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  return createOpenerConnector({ ...openerConnectorOptions.pick(options), opener: endpoint, handshake, tls });
}

/**
 * Opens a client on a connector of the caller's, which belongs to the client and is released with it.
 *
 * @param name What error messages call the server.
 * @throws as `connect`.
 */
export async function openClient(connector: Connector, options: OpenOptions = {}, name = 'NBD'): Promise<NbdClient> {
  if (typeof connector?.establish !== 'function') {
    const message = `openClient: the connector is ${describeValue(connector)}, expected one (establish, retry, release)`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const settings = openOptions.resolve('openClient', options);
  return await openDevice(connector, deviceOptions.pick(options), name, settings.signal);
}

/** Opens a client whose options are checked. */
export async function openDevice(
  connector: Connector,
  options: DeviceOptions,
  name: string,
  signal: AbortSignal | undefined,
): Promise<NbdClient> {
  const device = createMultiplexer({
    ...options,
    connector,
    clock: systemClock,
    defer: afterMicrotasks,
    nextTurn,
    trace: diagnosticsTrace<MultiplexerEvents>(multiplexerEvents),
  });
  try {
    await device.open({ signal });
  } catch (error) {
    device.destroy();
    throw error;
  }
  return new NbdClient(device, name);
}
