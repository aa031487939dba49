/** Choosing how connections are made. */
import { type Connector, UsageError } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import { nameOfSettings } from '../attempts/attempt-settings.ts';
import { publish } from '../diagnostics.ts';
import {
  createThreadConnector,
  noWorker,
  type ThreadConnectorOptions,
  threadDeliveryDefault,
} from '../thread/thread-connector.ts';
import type { ThreadDelivery } from '../thread/thread-messages.ts';
import { workerUrlDefault } from '../thread/worker-url.ts';
import { checkTls, resolveTlsMode } from '../tls.ts';
import { checkConnectorOptions, ofConnector } from './connector-options.ts';
import { createInlineConnector, type InlineConnectorOptions } from './inline-connector.ts';

/** How connections come to the caller: made on its own thread, or on another and then handed over or kept there. */
export type Delivery = 'inline' | ThreadDelivery;

export interface ConnectorOptions extends Omit<ThreadConnectorOptions, 'delivery'>, InlineConnectorOptions {
  /**
   * `inline`: on the caller's own thread. `thread`: on a thread of their own, and then `handed-over` if that is possible,
   * else `kept`. Connections in TLS are never handed over: whoever has set it up goes on with it.
   *
   * @default 'thread', except for what belongs to the caller's thread (commands and descriptors), and for bundles that have
   *   left the worker's file behind, which are `inline`
   */
  readonly delivery?: Delivery | 'thread' | undefined;
}

export interface ChosenConnector {
  readonly connector: Connector;
  /** What was chosen, and why in one line for people. */
  readonly delivery: Delivery;
  readonly reason: string;
}

/**
 * Makes a connector and tells which kind.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the delivery that was asked for is not possible, or `ERR_NBD_ARGUMENT` when
 *   something is wrong with what TLS is told.
 */
export function createConnector(given: ConnectorOptions): ChosenConnector {
  checkConnectorOptions<ConnectorOptions>(given, ofConnector);
  const options = resolveTlsMode(given);
  const { delivery, reason } = choose(options);
  if (options.upgradeTls === undefined) checkTls(options);
  publish({ type: 'chosen', endpoint: nameOfSettings(options), delivery, reason });
  if (delivery === 'inline') return { connector: createInlineConnector(options), delivery, reason };
  return { connector: createThreadConnector({ ...options, delivery }), delivery, reason };
}

function choose(options: ConnectorOptions): { delivery: Delivery; reason: string } {
  const { endpoint, handshake, delivery: wish } = options;
  const isLocal = endpoint.type === 'command' || endpoint.type === 'descriptor';
  if (wish === 'inline') return { delivery: wish, reason: 'as asked for' };
  if (isLocal && wish === undefined) {
    return { delivery: 'inline', reason: `an endpoint of type '${endpoint.type}' belongs to this thread` };
  }
  if (wish === undefined && options.workerUrl === undefined && workerUrlDefault() === undefined) {
    return { delivery: 'inline', reason: noWorker };
  }
  if (wish === 'handed-over' && !capabilities().duplicateDescriptor) {
    const message = `${nameOfSettings(options)}: connections cannot be handed over, descriptors cannot be duplicated here`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  if (handshake?.tls === 'require') {
    const reason = 'TLS goes on where it was set up';
    if (wish !== 'handed-over') return { delivery: 'kept', reason };
    const message = `${nameOfSettings(options)}: connections cannot be handed over, ${reason}`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  if (wish === 'handed-over' || wish === 'kept') return { delivery: wish, reason: 'as asked for' };
  const delivery = threadDeliveryDefault();
  const can = delivery === 'handed-over' ? 'can' : 'cannot';
  return { delivery, reason: `descriptors ${can} be duplicated here` };
}
