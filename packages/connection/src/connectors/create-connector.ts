/** Choosing how connections are made. */
import { type Connector, UsageError } from '@nbdjs/interfaces';
import { isNode } from '@nbdjs/node';
import { capabilities } from '@nbdjs/syscalls';
import { nameOfSettings } from '../attempts/attempt-settings.ts';
import { connectionTrace } from '../diagnostics.ts';
import { noWorker, threadConnector, threadDeliveryDefault } from '../thread/thread-connector.ts';
import type { ThreadDelivery } from '../thread/thread-messages.ts';
import { workerUrlDefault } from '../thread/worker-url.ts';
import { checkTls } from '../tls.ts';
import {
  type ConnectorOptions,
  type ConnectorSettings,
  connectorOptions,
  resolveSettings,
} from './connector-options.ts';
import { inlineConnector } from './inline-connector.ts';

/** How connections come to the caller: made on its own thread, or on another one and then handed over or kept there. */
export type Delivery = 'inline' | ThreadDelivery;

/** A connector, and which kind was chosen. */
export interface ChosenConnector {
  /** Belongs to the caller, who releases it. */
  readonly connector: Connector;
  /** What was chosen. */
  readonly delivery: Delivery;
  /** Why, in one line for people. */
  readonly reason: string;
}

/**
 * Makes a connector, and returns which kind it is.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the delivery that was asked for is not possible, or `ERR_NBD_ARGUMENT` for an option
 *   that is unknown, missing or wrong, and for certificates and keys that cannot be used.
 */
export function createConnector(options: ConnectorOptions): ChosenConnector {
  const settings = resolveSettings('createConnector', connectorOptions, options);
  const { delivery, reason } = chooseDelivery(settings);
  if (settings.upgradeTls === undefined) checkTls(settings);
  if (connectionTrace.enabled) {
    connectionTrace.emit('chosen', { endpoint: nameOfSettings(settings), delivery, reason });
  }
  const connector = delivery === 'inline' ? inlineConnector(settings) : threadConnector(settings, delivery);
  return { connector, delivery, reason };
}

function chooseDelivery(settings: ConnectorSettings): { delivery: Delivery; reason: string } {
  const { endpoint, handshake, delivery: wanted } = settings;
  const isLocal = endpoint.type === 'command' || endpoint.type === 'descriptor';
  if (wanted === 'inline') return { delivery: wanted, reason: 'as asked for' };
  if (isLocal && wanted === undefined) {
    return { delivery: 'inline', reason: `an endpoint of type '${endpoint.type}' belongs to this thread` };
  }
  if (!isNode) {
    const reason = 'Deno and Bun keep connections in the thread that has made them';
    if (wanted === undefined) return { delivery: 'inline', reason };
    throw new UsageError(
      'ERR_NBD_NOT_SUPPORTED',
      `${nameOfSettings(settings)}: delivery is '${wanted}', but ${reason}`,
    );
  }
  if (wanted === undefined && settings.workerUrl === undefined && workerUrlDefault() === undefined) {
    return { delivery: 'inline', reason: noWorker };
  }
  if (wanted === 'handed-over' && !capabilities().duplicateDescriptor) {
    const message = `${nameOfSettings(settings)}: connections cannot be handed over, descriptors cannot be duplicated here`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  if (handshake.tls === 'require') {
    const reason = 'TLS goes on where it was set up';
    if (wanted !== 'handed-over') return { delivery: 'kept', reason };
    const message = `${nameOfSettings(settings)}: connections cannot be handed over, ${reason}`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  if (wanted === 'handed-over' || wanted === 'kept') return { delivery: wanted, reason: 'as asked for' };
  const delivery = threadDeliveryDefault();
  const can = delivery === 'handed-over' ? 'can' : 'cannot';
  return { delivery, reason: `descriptors ${can} be duplicated here` };
}
