/** The caller's half of a connector that works in another thread. */
import { ConnectError, type Connector, type Established, type EstablishOptions, UsageError } from '@nbdjs/interfaces';
import { describeValue, fromErrorRecord } from '@nbdjs/kit';
import { adoptPort, type PortLike } from '@nbdjs/transport/core';
import { IdleConnection } from '../negotiation/idle-connection.ts';
import type { ConnectorAnswer, ConnectorOrder } from './connector-messages.ts';

/**
 * Makes a connector of the one that `serveConnector` serves at the other end of a port, in a Web Worker for instance. Connections stay with
 * that thread; their bytes cross by a port each.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is no port.
 */
export function createPortConnector(port: PortLike): Connector {
  if (typeof port?.postMessage !== 'function' || typeof port.start !== 'function') {
    const message = `createPortConnector: the port is ${describeValue(port)}, expected a MessagePort`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  return new PortConnector(port);
}

interface Call {
  resolve(established: Established): void;
  reject(reason: unknown): void;
}

class PortConnector implements Connector {
  readonly #port: PortLike;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;
  /** A connection that came after its caller had given up waiting: it is for the next one. */
  #spare: IdleConnection | undefined;
  /** Why there are no more connections. */
  #end: Error | undefined;

  constructor(port: PortLike) {
    this.#port = port;
    port.addEventListener('message', ({ data }) => this.#take(data as ConnectorAnswer));
    port.addEventListener('close', () => {
      this.#finish(new ConnectError('ERR_NBD_WORKER', 'the thread that makes the connections is gone'));
    });
    port.start();
    // Only a caller that waits keeps a process alive.
    port.unref?.();
  }

  async establish({ wait, signal }: EstablishOptions): Promise<Established> {
    if (this.#end !== undefined) throw this.#end;
    signal?.throwIfAborted();
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare?.usable) return spare.take();
    spare?.discard();
    const id = ++this.#lastId;
    return await new Promise<Established>((resolve, reject) => {
      const onAbort = (): void => {
        this.#order({ type: 'abort', id });
        settle(() => reject(signal?.reason));
      };
      const settle = (how: () => void): void => {
        this.#calls.delete(id);
        if (this.#calls.size === 0) this.#port.unref?.();
        signal?.removeEventListener('abort', onAbort);
        how();
      };
      this.#calls.set(id, {
        resolve: (established) => settle(() => resolve(established)),
        reject: (reason) => settle(() => reject(reason)),
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#port.ref?.();
      this.#order({ type: 'establish', id, wait });
    });
  }

  retry(on: boolean): void {
    if (this.#end === undefined) this.#order({ type: 'retry', on });
  }

  release(): void {
    if (this.#end !== undefined) return;
    this.#order({ type: 'release' });
    this.#finish(new UsageError('ERR_NBD_CLOSED', 'the connector has been released'));
    this.#port.close();
  }

  #order(order: ConnectorOrder): void {
    this.#port.postMessage(order, []);
  }

  #take(answer: ConnectorAnswer): void {
    const call = this.#calls.get(answer.id);
    if (answer.type === 'failed') {
      call?.reject(fromErrorRecord(answer.error));
      return;
    }
    const { facts, excess, peer } = answer;
    const channel = adoptPort(answer.port, { peer });
    if (call === undefined) this.#keep(new IdleConnection(channel, facts, excess));
    else call.resolve({ channel, facts, excess });
  }

  #keep(spare: IdleConnection): void {
    if (this.#end !== undefined || this.#spare?.usable) {
      spare.discard();
      return;
    }
    this.#spare?.discard();
    this.#spare = spare;
  }

  #finish(reason: Error): void {
    this.#end ??= reason;
    this.#spare?.discard();
    this.#spare = undefined;
    for (const call of this.#calls.values()) call.reject(reason);
  }
}
