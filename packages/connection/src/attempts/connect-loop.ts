/** Attempts to connect: at most one at a time, repeated with growing delays; a connection is kept until a caller takes it. */
import {
  type Cancel,
  type Clock,
  ConnectError,
  type EstablishOptions,
  TimeoutError,
  type Trace,
  UsageError,
} from '@nbdjs/interfaces';
import { copyError, GrowingDelay, toError } from '@nbdjs/kit';
import type { ConnectionEvents } from '../events.ts';
import { copyWithAttempts, isPermanent, isUnknownExport } from '../negotiation/named-error.ts';
import { backOffDelays } from './back-off.ts';
import type { RepetitionSettings } from './repetition-options.ts';

/** A connection that no caller owns yet. */
export interface Candidate<Connection> {
  /** Whether it is still open, as far as is known here. */
  readonly usable: boolean;
  /** Gives it to the caller. */
  take(): Connection;
  /** Closes it. */
  discard(): void;
}

export interface ConnectLoopOptions<Connection> extends RepetitionSettings {
  /** The name of the server, for messages. */
  readonly name: string;
  /** Makes one attempt, and ends it when the signal aborts. Has its own time limit. */
  readonly attempt: (signal: AbortSignal) => Promise<Candidate<Connection>>;
  readonly clock: Clock;
  /** See `GrowingDelay` of `@nbdjs/kit`. @default `Math.random` */
  readonly jitter?: (() => number) | undefined;
  /** Where the events of the attempts are published. @default nowhere */
  readonly trace?: Trace<ConnectionEvents> | undefined;
  /** Called when a caller begins and ends to wait: the process must stay alive meanwhile. */
  readonly waiting?: ((on: boolean) => void) | undefined;
}

interface Waiter<Connection> {
  resolve(connection: Connection): void;
  reject(reason: unknown): void;
}

/** The events of attempts, without the name of the server that they all have. */
type LoopEvents = {
  readonly [Name in 'attempt' | 'established' | 'failed' | 'sleep' | 'released']: Omit<
    ConnectionEvents[Name],
    'endpoint'
  >;
};

/** `idle`: no attempt is under way, and none will begin without a call. */
type State = 'idle' | 'trying' | 'sleeping' | 'released';

/**
 * Makes connections as QEMU's connection thread does, with an interruptible sleep, and without repeating permanent refusals. After an
 * attempt, exactly one of `#ready` and `#lastError` holds its outcome, until the connection is taken.
 */
export class ConnectLoop<Connection> {
  readonly #options: ConnectLoopOptions<Connection>;
  readonly #backOff: GrowingDelay;
  #state: State = 'idle';
  #retry = false;
  /** Whether a connection has ever been made; `openTimeoutMs` and `openAttemptsMax` no longer count then. */
  #hasOpened = false;
  /** Attempts since the last success. */
  #attemptCount = 0;
  #startedAtMs = 0;
  #ready: Candidate<Connection> | undefined;
  #lastError: Error | undefined;
  #waiter: Waiter<Connection> | undefined;
  #attemptController: AbortController | undefined;
  #cancelSleep: Cancel | undefined;

  constructor(options: ConnectLoopOptions<Connection>) {
    this.#options = options;
    this.#backOff = new GrowingDelay({ ...backOffDelays, jitter: options.jitter ?? Math.random });
  }

  /** See `Connector.establish`. */
  async establish({ wait, signal }: EstablishOptions): Promise<Connection> {
    this.#requireUsable(wait, signal);
    const ready = this.#takeReady();
    if (ready !== undefined) return ready.take();
    if (this.#state === 'idle') this.#begin();
    if (!wait) throw this.#noneYetError();
    return await this.#awaitAttempt(signal);
  }

  /** See `Connector.retry`. Switching it off during a sleep ends the sleep, and the wait for it. */
  retry(on: boolean): void {
    this.#retry = on;
    if (this.#state === 'sleeping' && !this.#repeats) {
      this.#stopSleep();
      this.#giveUp();
    }
  }

  /** See `Connector.release`. */
  release(): void {
    if (this.#state === 'released') return;
    this.#state = 'released';
    this.#stopSleep();
    const closed = this.#releasedError();
    this.#attemptController?.abort(closed);
    this.#ready?.discard();
    this.#ready = undefined;
    this.#waiter?.reject(closed);
    this.#publish('released', {});
  }

  get #repeats(): boolean {
    return this.#retry || (!this.#hasOpened && this.#options.openTimeoutMs > 0);
  }

  #requireUsable(wait: boolean, signal: AbortSignal | undefined): void {
    if (this.#state === 'released') throw this.#releasedError();
    signal?.throwIfAborted();
    if (wait && this.#waiter !== undefined) {
      throw new UsageError('ERR_NBD_STATE', `${this.#options.name}: another call waits for this connector already`);
    }
  }

  /** Takes the connection that is ready, unless it has been closed while it was kept. */
  #takeReady(): Candidate<Connection> | undefined {
    const ready = this.#ready;
    this.#ready = undefined;
    if (ready === undefined || ready.usable) return ready;
    ready.discard();
    return undefined;
  }

  #begin(): void {
    this.#backOff.reset();
    this.#startAttempt();
  }

  #startAttempt(): void {
    this.#state = 'trying';
    this.#attemptCount++;
    const controller = new AbortController();
    this.#attemptController = controller;
    this.#startedAtMs = this.#options.clock.now();
    this.#publish('attempt', { attempt: this.#attemptCount });
    this.#options.attempt(controller.signal).then(
      (candidate) => this.#finishAttempt(candidate),
      (reason: unknown) => this.#failAttempt(toError(reason)),
    );
  }

  #finishAttempt(candidate: Candidate<Connection>): void {
    if (this.#state === 'released') {
      candidate.discard();
      return;
    }
    this.#state = 'idle';
    this.#hasOpened = true;
    const durationMs = this.#options.clock.now() - this.#startedAtMs;
    this.#publish('established', { attempt: this.#attemptCount, durationMs });
    this.#attemptCount = 0;
    this.#lastError = undefined;
    if (this.#waiter === undefined) this.#ready = candidate;
    else this.#waiter.resolve(candidate.take());
  }

  #failAttempt(error: Error): void {
    if (this.#state === 'released') return;
    const isAwaited = this.#options.awaitExport && isUnknownExport(error);
    const permanent = isPermanent(error) && !isAwaited;
    this.#lastError = copyWithAttempts(error, this.#attemptCount);
    this.#publish('failed', { attempt: this.#attemptCount, error: copyError(error), permanent });
    const { stopOnPermanent, openAttemptsMax = Number.POSITIVE_INFINITY } = this.#options;
    const isLast = (permanent && stopOnPermanent) || (!this.#hasOpened && this.#attemptCount >= openAttemptsMax);
    if (this.#repeats && !isLast) this.#sleep();
    else this.#giveUp();
  }

  #sleep(): void {
    this.#state = 'sleeping';
    const delayMs = this.#backOff.next();
    this.#publish('sleep', { delayMs });
    this.#cancelSleep = this.#options.clock.schedule(delayMs, () => {
      this.#cancelSleep = undefined;
      this.#startAttempt();
    });
  }

  #stopSleep(): void {
    this.#cancelSleep?.();
    this.#cancelSleep = undefined;
  }

  /** Ends the attempts; the next call begins anew. */
  #giveUp(): void {
    this.#state = 'idle';
    this.#attemptCount = 0;
    this.#waiter?.reject(this.#cloneLastError());
  }

  /** Waits for the attempt under way, until the signal or `openTimeoutMs` ends the wait. */
  #awaitAttempt(signal: AbortSignal | undefined): Promise<Connection> {
    const { clock, waiting } = this.#options;
    return new Promise<Connection>((resolve, reject) => {
      let cancelTimeout: Cancel | undefined;
      const onAbort = () => waiter.reject(signal?.reason);
      const endWait = () => {
        cancelTimeout?.();
        signal?.removeEventListener('abort', onAbort);
        this.#waiter = undefined;
        waiting?.(false);
      };
      const waiter: Waiter<Connection> = {
        resolve: (connection) => {
          endWait();
          resolve(connection);
        },
        reject: (reason) => {
          endWait();
          reject(reason);
        },
      };
      this.#waiter = waiter;
      signal?.addEventListener('abort', onAbort, { once: true });
      if (!this.#hasOpened && this.#options.openTimeoutMs > 0) {
        cancelTimeout = clock.schedule(this.#options.openTimeoutMs, () => waiter.reject(this.#openTimeoutError()));
      }
      waiting?.(true);
    });
  }

  #publish<Name extends keyof LoopEvents>(event: Name, fields: LoopEvents[Name]): void {
    const { name: endpoint } = this.#options;
    const trace = this.#options.trace as Trace<LoopEvents> | undefined;
    if (trace?.enabled) trace.emit(event, { endpoint, ...fields } as LoopEvents[Name]);
  }

  #cloneLastError(): Error | undefined {
    return this.#lastError && copyError(this.#lastError);
  }

  #noneYetError(): Error {
    const message = `${this.#options.name}: no connection yet, the attempt goes on`;
    return (
      this.#cloneLastError() ?? new ConnectError('ERR_NBD_CONNECT_NONE_YET', message, { attempts: this.#attemptCount })
    );
  }

  #openTimeoutError(): TimeoutError {
    const last = this.#cloneLastError();
    const message = `${this.#options.name}: no connection within ${this.#options.openTimeoutMs} ms`;
    if (last === undefined) return new TimeoutError('open', message);
    return new TimeoutError('open', `${message}; the last of ${this.#attemptCount} attempts: ${last.message}`, {
      cause: last,
    });
  }

  #releasedError(): UsageError {
    return new UsageError('ERR_NBD_CLOSED', `${this.#options.name}: the connector has been released`);
  }
}
