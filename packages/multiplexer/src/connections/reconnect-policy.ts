/**
 * The life of a device's connections and of their successors. Everything that changes the state is in this file.
 *
 * ```
 *            open                    last one lost, reconnectDelayMs > 0
 * (start) ---------> connected ----------------------------------> connecting-wait
 *                     ^  ^   \                                        |    |
 *                     |  |    \ last one lost, reconnectDelayMs = 0   |    | reconnectDelayMs over
 *                     |  |     `--------------------> connecting-nowait <--'
 *                     |  `-- a connection is ready -------'           |
 *                     `--------- established --------------------------'
 *
 * any ---- close, destroy, a violation of the protocol, changed facts ----> closed
 * ```
 *
 * Nothing runs for connections at rest: the first request after a loss asks for the next connection, and the others wait
 * with it. In `connecting-wait` they wait for as long as the reconnect delay lasts, counted from the first of them; in
 * `connecting-nowait` they fail unless a connection is ready, and each gives the connector a nudge.
 *
 * A server may take connections only to drop them, or offer another export each time. Then the delay goes on counting, and
 * there are pauses between the attempts, until a connection has been of use.
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
import { endInWords } from '@nbdjs/kit';
import { asError, lostForGoodError } from '../errors.ts';
import { abilitiesOf, requireSameExport } from '../export/export-traits.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';

export type DeviceState = 'connecting-wait' | 'connecting-nowait' | 'connected' | 'closed';

export interface LinkOptions {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly reconnectDelayMs: number;
  readonly openTimeoutMs: number;
  /** How many there are to be, where the server allows several. */
  readonly connections: number;
  /** A connection that leads to something else than the first one closes the link. Otherwise others are tried. */
  readonly stopOnPermanent: boolean;
  /** Whether there is another connection after the last one. */
  readonly reconnects: boolean;
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

/** Pauses between attempts after connections that were of no use: the first one, and the longest, in milliseconds. */
const pauseMsMin = 250;
const pauseMsMax = 16_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #trace: TransmissionTrace;
  readonly #events: LinkEvents;
  #state: DeviceState = 'connecting-wait';
  #facts: ExportFacts | undefined;
  /** Connections that stand. */
  #count = 0;
  /** How many are to stand; fewer than wished for when the server refuses more. */
  #wanted = 1;
  #wished: number;
  /** The wait for a connection under way, if any. */
  #attempt: AbortController | undefined;
  #cancelDelay: Cancel | undefined;
  /** When the reconnect delay is over; kept until a connection has been of use. */
  #delayEndMs: number | undefined;
  /** Losses in a row that nothing of use came before. */
  #futileCount = 0;
  /** Whether any connection has been of use since there was none. */
  #wasOfUse = false;
  #isOpening = false;
  #closedBy: Error | undefined;

  constructor(options: LinkOptions, trace: TransmissionTrace, events: LinkEvents) {
    this.#options = options;
    this.#wished = options.connections;
    this.#trace = trace;
    this.#events = events;
  }

  get state(): DeviceState {
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
      this.#attempt = undefined;
      this.#accept(established);
      // The server may have broken the rules with the very first bytes.
      if (this.#closedBy !== undefined) throw this.#closedBy;
      return established.facts;
    } finally {
      this.#isOpening = false;
      if (this.#attempt === attempt) this.#attempt = undefined;
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** How many connections stand or are on their way is to be seen to: requests are waiting, or would go faster by more. */
  nudge(): void {
    if (this.#state === 'closed' || this.#facts === undefined) return;
    if (this.#state === 'connected') {
      if (this.#count < this.#wanted && this.#attempt === undefined) void this.#reconnect(true);
      return;
    }
    const isWaiting = this.#state === 'connecting-wait';
    if (isWaiting) this.#startDelay();
    if (this.#attempt === undefined) void this.#reconnect(isWaiting);
  }

  /** From now on there are to be so many connections at least. */
  widen(connections: number): void {
    if (connections <= this.#wished) return;
    this.#wished = connections;
    if (this.#state !== 'connected' || this.#facts === undefined) return;
    this.#wanted = this.#allowed(this.#facts);
    this.nudge();
  }

  /** Whether more connections are wanted than stand. */
  get isShort(): boolean {
    return this.#count < this.#wanted;
  }

  /**
   * A connection is gone; `wasOfUse` when it has answered anything that was asked. Nothing happens until a request asks for
   * the next one.
   */
  lost(cause: Error | undefined, wasOfUse: boolean): void {
    if (this.#state === 'closed') return;
    if (cause instanceof ProtocolError) {
      this.close(cause);
      return;
    }
    this.#count--;
    if (wasOfUse) this.#wasOfUse = true;
    // When a server goes down, all connections do; those that were still on probation do not tell against it.
    if (wasOfUse || (this.#count === 0 && this.#wasOfUse)) {
      this.#futileCount = 0;
      this.#delayEndMs = undefined;
    } else {
      this.#futileCount++;
    }
    if (this.#count > 0) return;
    this.#wasOfUse = false;
    const { clock, reconnectDelayMs, reconnects } = this.#options;
    if (!reconnects) {
      this.close(lostForGoodError(cause));
      return;
    }
    const isOver = this.#delayEndMs !== undefined && clock.now() >= this.#delayEndMs;
    if (reconnectDelayMs > 0 && !isOver) {
      this.#enter('connecting-wait');
      return;
    }
    this.#callOff(new Error('the last connection is lost'));
    this.#enter('connecting-nowait');
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
      if (isWaiting) await this.#pause(attempt.signal);
      established = await this.#options.connector.establish({ wait: isWaiting, signal: attempt.signal });
    } catch (error) {
      this.#trace.reconnectAttemptResult(asError(error));
      this.#failed(attempt, asError(error));
      return;
    }
    if (this.#state === 'closed' || !this.isShort) {
      this.#events.unwanted(established);
      return;
    }
    // It may be the answer to an attempt that was called off too late; then the one after it is not needed.
    if (this.#attempt !== attempt) this.#attempt?.abort(new Error('a connection stands'));
    this.#attempt = undefined;
    try {
      requireSameExport(this.#facts as ExportFacts, established.facts);
    } catch (error) {
      this.#trace.reconnectAttemptResult(asError(error));
      this.#events.unwanted(established);
      this.#refuse(asError(error));
      return;
    }
    this.#trace.reconnectAttemptResult(undefined);
    this.#accept(established);
  }

  #failed(attempt: AbortController, error: Error): void {
    // Whoever called this attempt off has taken care of those who wait.
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    if (this.#state === 'connected') {
      // The server wants no more of them, so there will be none until all are new.
      this.#wanted = this.#count;
      return;
    }
    this.#stopDelay();
    this.#delayEndMs = undefined;
    this.#events.failed(error);
  }

  /** The connection leads to something else. */
  #refuse(error: Error): void {
    if (this.#options.stopOnPermanent) {
      this.close(error);
      return;
    }
    this.#futileCount++;
    if (this.#state === 'connecting-nowait') this.#events.failed(error);
    else this.nudge();
  }

  #allowed(facts: ExportFacts): number {
    return abilitiesOf(facts).multiConn ? this.#wished : 1;
  }

  #accept(established: Established): void {
    this.#stopDelay();
    if (this.#count === 0) {
      this.#wanted = this.#allowed(established.facts);
      this.#enter('connected');
    }
    this.#count++;
    this.#events.connected(established);
    this.nudge();
  }

  /** After connections of no use it would be of no use either to make the next one at once. */
  async #pause(signal: AbortSignal): Promise<void> {
    // Once may be an accident.
    if (this.#futileCount < 2) return;
    const pauseMs = Math.min(pauseMsMin * 2 ** (this.#futileCount - 2), pauseMsMax);
    const { clock } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const cancel = clock.schedule(pauseMs, resolve, true);
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason);
      });
    });
  }

  #startDelay(): void {
    if (this.#cancelDelay !== undefined) return;
    const { clock, reconnectDelayMs } = this.#options;
    const now = clock.now();
    this.#delayEndMs ??= now + reconnectDelayMs;
    this.#cancelDelay = clock.schedule(Math.max(this.#delayEndMs - now, 0), () => this.#delayIsOver());
  }

  #delayIsOver(): void {
    this.#cancelDelay = undefined;
    this.#delayEndMs = undefined;
    if (this.#state !== 'connecting-wait') return;
    this.#enter('connecting-nowait');
    this.#callOff(new Error('the reconnect delay is over'));
    // One last look, without waiting: either a connection has just become ready, or those who wait learn why not.
    void this.#reconnect(false);
  }

  #callOff(reason: Error): void {
    const calledOff = this.#attempt;
    this.#attempt = undefined;
    calledOff?.abort(reason);
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

  #enter(state: DeviceState): void {
    this.#state = state;
    this.#trace.state(state);
  }
}

/** What calls fail with that come too late. */
export function closedError(cause: Error | undefined): UsageError {
  const why = cause === undefined ? '' : `: ${endInWords(cause)}`;
  return new UsageError('ERR_NBD_CLOSED', `the device is closed${why}`, { cause });
}
