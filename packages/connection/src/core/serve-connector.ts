/** The worker's half of a connector that works in another thread. */
import type { Connector, Established } from '@nbdjs/interfaces';
import { toErrorRecord } from '@nbdjs/kit';
import { adoptPort, type PortLike } from '@nbdjs/transport/core';
import type { ConnectorAnswer, ConnectorOrder } from './connector-messages.ts';
import { joinChannels } from './join-channels.ts';

/**
 * Lets a connector be used by another thread, by `createPortConnector` at the other end of the port: in a Web Worker, attempts go on, and
 * bytes are received, while the page is busy. Port and connector belong to this call; the connector is released with the other end.
 */
export function serveConnector(port: PortLike, connector: Connector): void {
  const calls = new Map<number, AbortController>();
  const answer = (message: ConnectorAnswer, transfer: unknown[] = []): void => {
    port.postMessage(message, transfer);
  };

  const establish = async (id: number, wait: boolean): Promise<void> => {
    const call = new AbortController();
    calls.set(id, call);
    try {
      const established = await connector.establish({ wait, signal: call.signal });
      handOver(id, established);
    } catch (error) {
      // The caller has its own reason for what it has aborted.
      if (!call.signal.aborted) answer({ type: 'failed', id, error: toErrorRecord(error) });
    } finally {
      calls.delete(id);
    }
  };

  const handOver = (id: number, { channel, facts, excess }: Established): void => {
    const { port1, port2 } = new MessageChannel();
    const { peer } = channel;
    joinChannels(channel, adoptPort(port1));
    answer({ type: 'established', id, facts, excess, peer, port: port2 }, [port2]);
  };

  const release = (): void => {
    connector.release();
    for (const call of calls.values()) call.abort();
    port.close();
  };

  port.addEventListener('message', ({ data }) => {
    const order = data as ConnectorOrder;
    if (order.type === 'establish') void establish(order.id, order.wait);
    else if (order.type === 'abort') calls.get(order.id)?.abort();
    else if (order.type === 'retry') connector.retry(order.on);
    else release();
  });
  port.addEventListener('close', release);
  port.start();
}
