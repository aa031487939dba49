/** Putting the parts together: a target's connector, the multiplexer on top, and the client around it. */
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
import { NbdClient } from './client.ts';
import { connectorFor } from './connectors.ts';
import { type ConnectOptions, connectOptions, type OpenOptions, openOptions, tlsOptions } from './options.ts';
import { type ConnectTargets, type ResolvedTarget, resolveTargets } from './target.ts';

/**
 * Connects to an export.
 *
 * @param target An NBD URI (`nbd://host/export`, `nbd+unix:///export?socket=PATH`), `{ host, port, exportName }`, `{ path,
 *   exportName }`, a command to run, a descriptor, or an opener of channels of another transport. An array names several servers that have
 *   the same export: they are tried in this order, and one takes over when another is lost.
 * @throws UsageError for a target or an option that is wrong, ConnectError when there is no server, NegotiationError when the
 *   server refuses, ProtocolError when it breaks the specification, TimeoutError, or the signal's reason.
 */
export async function connect(target: ConnectTargets, options: ConnectOptions = {}): Promise<NbdClient> {
  const settings = connectOptions.resolve('connect', options);
  tlsOptions.resolve('connect: tls', options.tls);
  const resolved = resolveTargets(target);
  const connector = connectorFor(resolved, options);
  const canComeBack = resolved.length > 1 || resolved.some(({ endpoint }) => isLasting(endpoint));
  const reconnects = options.reconnects ?? (canComeBack || settings.reconnectDelayMs > 0);
  const name = resolved.map((one) => one.name).join(', ');
  const limits = replyLimits.pick(settings.limits);
  return await openDevice(connector, { ...deviceOptions.pick(options), reconnects, limits }, name, settings.signal);
}

/** A command that is started again serves what it began with, and a descriptor is gone with its connection. */
function isLasting(endpoint: ResolvedTarget['endpoint']): boolean {
  return 'open' in endpoint || (endpoint.type !== 'command' && endpoint.type !== 'descriptor');
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
