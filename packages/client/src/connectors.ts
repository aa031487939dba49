/** The connector for what `connect` is given: one server, or several that have the same export. */
import {
  clientHandshakeOptions,
  connectorOptions,
  createConnector,
  createFailoverConnector,
  createOpenerConnector,
  type FailoverMember,
  failoverOptions,
  handshakeLimits,
  openerConnectorOptions,
} from '@nbdjs/connection';
import { type Connector, UsageError } from '@nbdjs/interfaces';
import { mismatchOf } from '@nbdjs/multiplexer';
import type { ConnectOptions } from './options.ts';
import type { ResolvedTarget } from './target.ts';
import { resolveTls } from './tls.ts';

/**
 * Makes the connector for one server, or for several, which are tried in turns.
 *
 * @throws UsageError for options that do not fit a target, and for certificates and keys that cannot be used.
 */
export function connectorFor(targets: readonly ResolvedTarget[], options: ConnectOptions): Connector {
  const [first] = targets;
  if (targets.length === 1 && first !== undefined) return connectorOf(first, options);
  // Attempts are repeated for all servers together, and not for one while others are there.
  const repetition = {
    stopOnPermanent: undefined,
    awaitExport: undefined,
    openTimeoutMs: undefined,
    openAttemptsMax: undefined,
  };
  const single = { ...options, ...repetition };
  const members: FailoverMember[] = [];
  try {
    for (const target of targets) members.push({ name: target.name, connector: connectorOf(target, single) });
  } catch (error) {
    for (const { connector } of members) connector.release();
    throw error;
  }
  return createFailoverConnector(members, { ...failoverOptions.pick(options), compare: mismatchOf });
}

/** Makes the connector for one server, on the thread that the options ask for. */
function connectorOf(target: ResolvedTarget, options: ConnectOptions): Connector {
  const { endpoint } = target;
  const { mode, settings: tls } = resolveTls(target, options);
  const handshake = {
    ...clientHandshakeOptions.pick(options),
    exportName: options.exportName ?? target.exportName,
    limits: handshakeLimits.pick(options.limits ?? {}),
    tls: mode,
  };
  if (!('open' in endpoint)) {
    return createConnector({ ...connectorOptions.pick(options), endpoint, handshake, tls }).connector;
  }
  if ((options.delivery ?? 'inline') !== 'inline') {
    const message = `connect: delivery is '${options.delivery}', but an opener of channels belongs to this thread, expected 'inline'`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  return createOpenerConnector({ ...openerConnectorOptions.pick(options), opener: endpoint, handshake, tls });
}
