/** Putting the parts together: a target's connector, the multiplexer on top, and the client around it. */
import type { Connector } from '@nbdjs/interfaces';
import { type DeviceOptions, deviceOptions, replyLimits } from '@nbdjs/multiplexer';
import { NbdClient } from './client.ts';
import { connectorFor } from './connectors.ts';
import { openGiven, openMultiplexer } from './core/open-device.ts';
import { type ConnectOptions, connectOptions, type OpenOptions, tlsOptions } from './options.ts';
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
  return new NbdClient(await openGiven(connector, options), name);
}

/** Opens a client whose options are checked. */
export async function openDevice(
  connector: Connector,
  options: DeviceOptions,
  name: string,
  signal: AbortSignal | undefined,
): Promise<NbdClient> {
  return new NbdClient(await openMultiplexer(connector, options, signal), name);
}
