/**
 * The life of a connection and of its successors. Everything that changes the state is in this file.
 *
 * ```
 *            open                    lost, reconnectDelayMs > 0
 * (start) ---------> connected ----------------------------------> connecting-wait
 *                     ^  ^   \                                        |    |
 *                     |  |    \ lost, reconnectDelayMs = 0            |    | reconnectDelayMs over
 *                     |  |     `--------------------> connecting-nowait <--'
 *                     |  `-- a connection is ready -------'           |
 *                     `--------- established --------------------------'
 *
 * any ---- close, destroy, a violation of the protocol, changed facts ----> closed
 * ```
 *
 * Nothing runs for a connection at rest: the first request after a loss asks for the next connection, and the others wait
 * with it. In `connecting-wait` they wait for as long as the reconnect delay lasts; in `connecting-nowait` they fail unless a
 * connection is ready, and each gives the connector a nudge.
 */
import {
  type Cancel,
  type Clock,
  type Connector,
  type Established,
  type ExportFacts,
  isNbdError,
  ProtocolError,
  TimeoutError,
  type Trace,
  UsageError,
} from '@nbdjs/interfaces';
import { requireSameExport } from './export-traits.ts';

export type LinkState = 'connecting-wait' | 'connecting-nowait' | 'connected' | 'closed';

export interface LinkOptions {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly reconnectDelayMs: number;
  readonly openTimeoutMs: number;
}

export interface LinkEvents {
  /** A connection stands; requests that wait may go. */
  connected(established: Established): void;
  /** Requests that wait fail, with an error each of this kind. */
  failed(error: Error): void;
  /** The link is closed for good; absent when somebody asked for it. */
  closed(error: Error | undefined): void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #state: LinkState = 'connecting-wait';
  #facts: ExportFacts | undefined;
  /** The attempt under way, if any. */
  #attempt: AbortController | undefined;
  #cancelDelay: Cancel | undefined;
  #closedBy: Error | undefined;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The facts of the first connection, which every later one is held against. */
  get facts(): ExportFacts | undefined {
    return this.#facts;
  }

  /** Why the link is closed, when it was not asked to be. */
  get closedBy(): Error | undefined {
    return this.#closedBy;
  }

  /** Makes the first connection. With an open timeout the attempts go on until it is over; without, there is one. */
  async open(signal?: AbortSignal): Promise<ExportFacts> {
    const { connector, clock, openTimeoutMs } = this.#options;
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    connector.retry(openTimeoutMs > 0);
    const expiry = new TimeoutError('open', `no connection within ${openTimeoutMs} ms`);
    const cancel = openTimeoutMs > 0 ? clock.schedule(openTimeoutMs, () => abort.abort(expiry)) : undefined;
    this.#attempt = abort;
    try {
      const established = await this.#establishOrExpire(abort.signal, expiry);
      if (this.#state === 'closed') {
        established.channel.destroy();
        throw this.#closedBy ?? new UsageError('ERR_NBD_CLOSED', 'closed while opening');
      }
      connector.retry(true);
      this.#facts = established.facts;
      this.#enter('connected');
      this.#events.connected(established);
      return established.facts;
    } finally {
      this.#attempt = undefined;
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Requests are waiting. Does nothing while a connection stands or an attempt is under way. */
  nudge(): void {
    if (this.#state === 'connected' || this.#state === 'closed' || this.#attempt !== undefined) return;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const wait = this.#state === 'connecting-wait';
    if (wait) {
      this.#cancelDelay = this.#options.clock.schedule(this.#options.reconnectDelayMs, () => this.#delayIsOver());
    }
    void this.#reconnect(attempt, wait);
  }

  /** The connection is gone. Nothing happens until a request asks for the next one. */
  lost(cause: Error | undefined): void {
    if (this.#state === 'closed') return;
    if (cause instanceof ProtocolError) this.close(cause);
    else this.#enter(this.#options.reconnectDelayMs > 0 ? 'connecting-wait' : 'connecting-nowait');
  }

  /** Ends everything; with an error when nobody asked for it. */
  close(error?: Error): void {
    if (this.#state === 'closed') return;
    this.#closedBy = error;
    this.#enter('closed');
    this.#cancelDelay?.();
    this.#attempt?.abort(error ?? new Error('closed'));
    this.#attempt = undefined;
    this.#options.connector.release();
    this.#events.closed(error);
  }

  async #reconnect(attempt: AbortController, wait: boolean): Promise<void> {
    let established: Established;
    try {
      established = await this.#options.connector.establish({ wait, signal: attempt.signal });
    } catch (error) {
      this.#attemptEnded(attempt);
      // When the delay is over, those who waited have been told already.
      if (!attempt.signal.aborted) this.#events.failed(asError(error));
      return;
    }
    const isWanted = this.#attempt === attempt;
    this.#attemptEnded(attempt);
    if (!isWanted || this.#state === 'closed' || this.#state === 'connected') {
      established.channel.destroy();
      return;
    }
    try {
      requireSameExport(this.#facts as ExportFacts, established.facts);
    } catch (error) {
      established.channel.destroy();
      this.close(asError(error));
      return;
    }
    this.#enter('connected');
    this.#events.connected(established);
  }

  #attemptEnded(attempt: AbortController): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    this.#cancelDelay?.();
    this.#cancelDelay = undefined;
  }

  #delayIsOver(): void {
    this.#cancelDelay = undefined;
    if (this.#state !== 'connecting-wait') return;
    this.#enter('connecting-nowait');
    this.#attempt?.abort(new Error('the reconnect delay is over'));
    // One last look, without waiting: either a connection has just become ready, or those who wait learn why not.
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#reconnect(attempt, false);
  }

  /** Waits for a connection; when the time is up, takes what is ready, or tells why nothing is. */
  async #establishOrExpire(signal: AbortSignal, expiry: TimeoutError): Promise<Established> {
    const { connector } = this.#options;
    try {
      return await connector.establish({ wait: true, signal });
    } catch (error) {
      if (error !== expiry) throw error;
    }
    try {
      return await connector.establish({ wait: false });
    } catch (error) {
      throw isNbdError(error) && error.code === 'ERR_NBD_CONNECT_NONE_YET' ? expiry : error;
    }
  }

  #enter(state: LinkState): void {
    this.#state = state;
    if (this.#options.trace.enabled) this.#options.trace.emit('state', { state });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
