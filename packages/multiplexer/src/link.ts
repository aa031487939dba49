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
 * with it. In `connecting-wait` they wait for as long as the reconnect delay lasts, counted from the first of them; in
 * `connecting-nowait` they fail unless a connection is ready, and each gives the connector a nudge.
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
  UsageError,
} from '@nbdjs/interfaces';
import { requireSameExport } from './export-traits.ts';
import { asError } from './failures.ts';
import type { TransmissionTrace } from './transmission-trace.ts';

export type LinkState = 'connecting-wait' | 'connecting-nowait' | 'connected' | 'closed';

export interface LinkOptions {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly reconnectDelayMs: number;
  readonly openTimeoutMs: number;
}

export interface LinkEvents {
  /** A connection stands; requests that wait may go. */
  connected(established: Established): void;
  /** Requests that wait fail, with an error each of this kind. */
  failed(error: Error): void;
  /** A connection that nobody needs: it came too late, or leads to something else. */
  unwanted(established: Established): void;
  /** The link is closed for good; the error is absent when somebody asked for it. Told once. */
  closed(error: Error | undefined): void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #trace: TransmissionTrace;
  readonly #events: LinkEvents;
  #state: LinkState = 'connecting-wait';
  #facts: ExportFacts | undefined;
  /** The wait for a connection under way, if any. */
  #attempt: AbortController | undefined;
  #cancelDelay: Cancel | undefined;
  #isOpening = false;
  #closedBy: Error | undefined;

  constructor(options: LinkOptions, trace: TransmissionTrace, events: LinkEvents) {
    this.#options = options;
    this.#trace = trace;
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

  /**
   * Makes the first connection. With an open timeout the attempts go on until it is over; without, there is one. After a
   * failure it may be called again.
   */
  async open(signal?: AbortSignal): Promise<ExportFacts> {
    if (this.#isOpening || this.#facts !== undefined) throw new UsageError('ERR_NBD_STATE', 'open was called before');
    if (this.#state === 'closed') throw closedError(undefined);
    signal?.throwIfAborted();
    const { connector, clock, openTimeoutMs } = this.#options;
    const attempt = new AbortController();
    const onAbort = (): void => attempt.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const expiry = new TimeoutError('open', `no connection within ${openTimeoutMs} ms`);
    const cancel = openTimeoutMs > 0 ? clock.schedule(openTimeoutMs, () => attempt.abort(expiry)) : undefined;
    this.#attempt = attempt;
    this.#isOpening = true;
    try {
      connector.retry(openTimeoutMs > 0);
      const established = await this.#establishOrExpire(attempt.signal, expiry);
      if (this.#state !== 'connecting-wait') {
        this.#events.unwanted(established);
        throw closedError(this.#closedBy);
      }
      connector.retry(true);
      this.#facts = established.facts;
      this.#accept(established);
      // The server may have broken the rules with the very first bytes.
      if (this.#closedBy !== undefined) throw this.#closedBy;
      return established.facts;
    } finally {
      this.#isOpening = false;
      this.#attempt = undefined;
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Requests are waiting. Does nothing while a connection stands or is being waited for. */
  nudge(): void {
    if (this.#state === 'connected' || this.#state === 'closed' || this.#attempt !== undefined) return;
    if (this.#facts === undefined) return;
    const isWaiting = this.#state === 'connecting-wait';
    if (isWaiting) {
      const { clock, reconnectDelayMs } = this.#options;
      this.#cancelDelay = clock.schedule(reconnectDelayMs, () => this.#delayIsOver());
    }
    void this.#reconnect(isWaiting);
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
    this.#stopDelay();
    this.#attempt?.abort(closedError(error));
    this.#attempt = undefined;
    this.#options.connector.release();
    this.#events.closed(error);
  }

  async #reconnect(isWaiting: boolean): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#trace.reconnectAttempt(isWaiting);
    let established: Established;
    try {
      established = await this.#options.connector.establish({ wait: isWaiting, signal: attempt.signal });
    } catch (error) {
      this.#trace.reconnectAttemptResult(asError(error));
      // Whoever called this attempt off has taken care of those who wait.
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      this.#stopDelay();
      this.#events.failed(asError(error));
      return;
    }
    if (this.#state === 'closed' || this.#state === 'connected') {
      this.#events.unwanted(established);
      return;
    }
    this.#trace.reconnectAttemptResult(undefined);
    this.#stopDelay();
    // It may be the answer to an attempt that was called off too late; then the one after it is not needed.
    if (this.#attempt !== attempt) this.#attempt?.abort(new Error('a connection stands'));
    this.#attempt = undefined;
    try {
      requireSameExport(this.#facts as ExportFacts, established.facts);
    } catch (error) {
      this.#events.unwanted(established);
      this.close(asError(error));
      return;
    }
    this.#accept(established);
  }

  #accept(established: Established): void {
    this.#enter('connected');
    this.#events.connected(established);
  }

  #delayIsOver(): void {
    this.#cancelDelay = undefined;
    if (this.#state !== 'connecting-wait') return;
    this.#enter('connecting-nowait');
    const calledOff = this.#attempt;
    this.#attempt = undefined;
    calledOff?.abort(new Error('the reconnect delay is over'));
    // One last look, without waiting: either a connection has just become ready, or those who wait learn why not.
    void this.#reconnect(false);
  }

  #stopDelay(): void {
    this.#cancelDelay?.();
    this.#cancelDelay = undefined;
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
    this.#trace.state(state);
  }
}

/** What calls fail with that come too late. */
export function closedError(cause: Error | undefined): UsageError {
  const why = cause === undefined ? '' : `: ${cause.message}`;
  return new UsageError('ERR_NBD_CLOSED', `the device is closed${why}`, { cause });
}
