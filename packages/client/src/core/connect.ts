/** Opening an export over a transport of the caller's. */
import {
  clientHandshakeOptions,
  createOpenerConnector,
  handshakeLimits,
  openerConnectorOptions,
} from '@nbdjs/connection/core';
import { type ChannelOpener, type Connector, UsageError } from '@nbdjs/interfaces';
import { checkOptions, describeValue, optionChecks } from '@nbdjs/kit';
import { deviceOptions, replyLimits } from '@nbdjs/multiplexer';
import { NbdClient } from './client.ts';
import { openGiven, openMultiplexer } from './open-device.ts';
import { type ConnectOptions, connectOptions, type OpenOptions } from './options.ts';

/** What opens channels to a server, and the export to open there. */
export interface OpenerTarget extends ChannelOpener {
  /** The export to open. @default the server's default export */
  readonly exportName?: string | undefined;
}

/**
 * Connects to an export over channels that the target opens, such as WebSockets. NBD's own TLS is not used: the transport has to protect
 * what needs protection, as `wss:` does.
 *
 * @throws UsageError for a target or an option that is wrong, ConnectError when there is no server, NegotiationError when the
 *   server refuses, ProtocolError when it breaks the specification, TimeoutError, or the signal's reason.
 */
export async function connect(target: OpenerTarget, options: ConnectOptions = {}): Promise<NbdClient> {
  const settings = connectOptions.resolve('connect', options);
  const { exportName = '', name = 'NBD' } = checkedTarget(target);
  const connector = createOpenerConnector({
    ...openerConnectorOptions.pick(options),
    opener: target,
    handshake: {
      ...clientHandshakeOptions.pick(options),
      exportName,
      limits: handshakeLimits.pick(settings.limits),
      tls: 'off',
    },
  });
  const limits = replyLimits.pick(settings.limits);
  return new NbdClient(
    await openMultiplexer(connector, { ...deviceOptions.pick(options), limits }, settings.signal),
    name,
  );
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

/** Other members are the opener's own: it may be of a class. */
function checkedTarget(target: OpenerTarget): OpenerTarget {
  if (typeof target?.open !== 'function' || 'send' in target) {
    const hint =
      typeof target === 'string' ? '; URIs need Node, that is @nbdjs/client instead of @nbdjs/client/core' : '';
    const message = `connect: the target is ${describeValue(target)}, expected { open, exportName }, where open gives a ByteChannel${hint}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const { name, exportName } = target;
  checkOptions('connect: target', { name, exportName }, { name: optionChecks.text, exportName: optionChecks.text });
  return target;
}
