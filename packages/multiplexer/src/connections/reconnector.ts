/** Carries out what the reconnect policy says: attempts, timers and pauses, and the call to `open` that waits for the first connection. */
import { type Cancel, type Established, type ExportFacts, UsageError } from '@nbdjs/interfaces';
import { wait as pause, toError } from '@nbdjs/kit';
import { closedError } from '../errors.ts';
import { abilitiesOf, mismatchOf } from '../export/export-traits.ts';
import type { MultiplexerSettings } from '../settings.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';
import { next } from './reconnect-policy.ts';
import type { DeviceState, OuterAction, ReconnectAction, ReconnectEvent, ReconnectState } from './reconnect-states.ts';

/** How many connections stand. */
export interface StandingConnections {
  readonly count: number;
}

export class Reconnector {
  readonly #settings: MultiplexerSettings;
  readonly #trace: TransmissionTrace;
  readonly #standing: StandingConnections;
  readonly #perform: (action: OuterAction) => void;
  #state: ReconnectState = { name: 'unopened' };
  /** What the state means for requests. Kept, because each request asks for it. */
  #deviceState: DeviceState = 'connecting-wait';
  /** With fewer connections than that, another one is worth asking for. */
  #wanted = 0;
  /** How many connections there are to be, where the server allows several. */
  #connectionsAsked: number;
  #facts: ExportFacts | undefined;
  /** The sizes that a connection may report: two while it is not known whether a RESIZE has been carried out. */
  #sizes: readonly bigint[] = [];
  /** The attempt under way. */
  #attempt: AbortController | undefined;
  #cancelTimer: Cancel | undefined;
  /** The call to `open` that waits. */
  #opening: PromiseWithResolvers | undefined;

  /** `perform` carries out what is not done here. */
  constructor(
    settings: MultiplexerSettings,
    trace: TransmissionTrace,
    standing: StandingConnections,
    perform: (action: OuterAction) => void,
  ) {
    this.#settings = settings;
    this.#trace = trace;
    this.#standing = standing;
    this.#perform = perform;
    this.#connectionsAsked = settings.connections;
  }

  get state(): DeviceState {
    return this.#deviceState;
  }

  /** The facts of the first connection, which every later one is held against. */
  get facts(): ExportFacts | undefined {
    return this.#facts;
  }

  /** What was agreed stays, but for the size, which is one of these from now on; the first is that of the device. */
  expectSizes(...sizes: readonly [bigint, ...bigint[]]): void {
    this.#sizes = sizes;
    if (this.#facts !== undefined) this.#facts = { ...this.#facts, size: sizes[0] };
  }

  /** The error that has ended everything; `undefined` after a close that was asked for. */
  get closedBy(): Error | undefined {
    return this.#state.name === 'closed' ? this.#state.error : undefined;
  }

  /** Whether requests would go faster by more connections, and no attempt at one is under way. */
  get isShort(): boolean {
    return this.#standing.count < this.#wanted;
  }

  /**
   * Makes the first connection. With an open timeout the attempts go on until it is over; without, there is one. After a
   * failure it may be called again.
   *
   * @throws what the connector throws, TimeoutError of phase `open`, UsageError, or the signal's reason.
   */
  async open(signal?: AbortSignal): Promise<ExportFacts> {
    if (this.#opening !== undefined || this.#facts !== undefined) {
      throw new UsageError('ERR_NBD_STATE', 'open was called before');
    }
    if (this.#state.name === 'closed') throw closedError(undefined);
    signal?.throwIfAborted();
    const onAbort = (): void => {
      if (this.#state.name === 'opening') this.#handle({ type: 'open-aborted', reason: signal?.reason });
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const opening = withResolvers();
    this.#opening = opening;
    try {
      this.#handle({ type: 'open' });
      await opening.promise;
    } finally {
      this.#opening = undefined;
      signal?.removeEventListener('abort', onAbort);
    }
    // The server may have broken the rules with the very first bytes.
    if (this.closedBy !== undefined) throw this.closedBy;
    return this.#facts as unknown as ExportFacts;
  }

  /** Requests are waiting, or would go faster by more connections. */
  requestConnection(): void {
    this.#handle({ type: 'demand' });
  }

  /** Raises the number of connections that there are to be. */
  raiseConnections(connections: number): void {
    if (connections <= this.#connectionsAsked) return;
    this.#connectionsAsked = connections;
    if (this.#facts === undefined) return;
    this.#handle({ type: 'connections-raised', allowed: this.#allowedBy(this.#facts) });
    if (this.#deviceState === 'connected') this.requestConnection();
  }

  /** A connection is gone, and not counted any more. `wasUseful`: it has answered something, or was asked for nothing. */
  connectionLost(cause: Error | undefined, wasUseful: boolean): void {
    this.#handle({ type: 'connection-lost', cause, wasUseful });
  }

  /** Ends everything; with an error, unless that was asked for. */
  close(error?: Error): void {
    this.#handle({ type: 'close', error });
  }

  /** Only the last action of a step may lead to further events, so they always meet a state that is complete. */
  #handle(event: ReconnectEvent): void {
    const situation = {
      settings: this.#settings,
      nowMs: this.#settings.clock.now(),
      standing: this.#standing.count,
    };
    const { state, actions } = next(this.#state, event, situation);
    this.#state = state;
    this.#wanted = state.name === 'connected' && !state.isAttempting ? state.wanted : 0;
    const deviceState = state.name === 'unopened' || state.name === 'opening' ? 'connecting-wait' : state.name;
    if (deviceState !== this.#deviceState) {
      this.#deviceState = deviceState;
      this.#trace.state(deviceState);
    }
    for (const action of actions) this.#carryOut(action);
  }

  #carryOut(action: ReconnectAction): void {
    switch (action.type) {
      case 'set-retries':
        this.#settings.connector.retry(action.isOn);
        break;
      case 'establish':
        void this.#establish(action.wait, action.pauseMs);
        break;
      case 'cancel-attempt': {
        const attempt = this.#attempt;
        this.#attempt = undefined;
        attempt?.abort(action.reason);
        break;
      }
      case 'start-timer':
        this.#cancelTimer = this.#settings.clock.schedule(action.delayMs, () => {
          this.#cancelTimer = undefined;
          this.#handle({ type: action.event });
        });
        break;
      case 'stop-timer':
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
        break;
      case 'opened':
        this.#opening?.resolve();
        break;
      case 'open-failed':
        this.#opening?.reject(action.error);
        break;
      case 'release-connector':
        this.#settings.connector.release();
        break;
      case 'admit':
        this.#facts ??= action.established.facts;
        this.#perform(action);
        // There may be room for another one.
        this.requestConnection();
        break;
      default:
        this.#perform(action);
    }
  }

  async #establish(wait: boolean, pauseMs: number): Promise<void> {
    const { connector } = this.#settings;
    const attempt = new AbortController();
    const { signal } = attempt;
    this.#attempt = attempt;
    const sizesBefore = this.#sizes;
    const isReconnecting = this.#facts !== undefined;
    if (isReconnecting) this.#trace.reconnectAttempt(wait);
    let established: Established;
    try {
      if (pauseMs > 0) await pause(this.#settings.clock, pauseMs, { signal });
      established = await connector.establish({ wait, signal });
    } catch (error) {
      if (isReconnecting) this.#trace.reconnectAttemptResult(toError(error));
      // An attempt that was called off has been dealt with.
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      this.#handle({ type: 'attempt-failed', error: toError(error) });
      return;
    }
    if (this.#attempt === attempt) this.#attempt = undefined;
    const { size } = established.facts;
    const facts = this.#facts;
    // It may have been negotiated before a RESIZE that has been answered since.
    const expected = facts && [...sizesBefore, ...this.#sizes].includes(size) ? { ...facts, size } : facts;
    const mismatch = expected === undefined ? undefined : mismatchOf(expected, established.facts);
    if (isReconnecting && this.#needsConnection) this.#trace.reconnectAttemptResult(mismatch);
    this.#handle({ type: 'established', established, allowed: this.#allowedBy(established.facts), mismatch });
  }

  get #needsConnection(): boolean {
    const state = this.#state;
    return state.name !== 'closed' && (state.name !== 'connected' || this.#standing.count < state.wanted);
  }

  #allowedBy(facts: ExportFacts): number {
    return abilitiesOf(facts).multiConn ? this.#connectionsAsked : 1;
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

function withResolvers(): PromiseWithResolvers {
  let ends: Omit<PromiseWithResolvers, 'promise'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    ends = { resolve, reject };
  });
  return { promise, ...(ends as unknown as Omit<PromiseWithResolvers, 'promise'>) };
}
