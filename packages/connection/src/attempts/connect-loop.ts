/** The life of attempts: at most one at a time, repeated with growing delays, their fruit kept for whoever asks. */
import {
  type Cancel,
  type Clock,
  ConnectError,
  type EstablishOptions,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import type { ConnectionEvent } from '../diagnostics.ts';
import { cloneError, isPermanent, isUnknownExport } from '../negotiation/named-error.ts';
import { BackOff } from './back-off.ts';

/** What a successful attempt has made, while nobody owns it yet. */
export interface Candidate<Connection> {
  /** Whether it is still open, as far as can be told. */
  readonly usable: boolean;
  /** Gives it away. */
  take(): Connection;
  /** Closes it. */
  discard(): void;
}

export interface ConnectLoopOptions<Connection> {
  /** What the connections lead to, for messages. */
  readonly name: string;
  /** Makes one attempt, and gives it up when the signal aborts. Has a deadline of its own. */
  readonly attempt: (signal: AbortSignal) => Promise<Candidate<Connection>>;
  readonly clock: Clock;
  /** See `BackOff`. */
  readonly jitter?: (() => number) | undefined;
  /** A refusal on principle ends the repetition. @default true */
  readonly stopOnPermanent?: boolean | undefined;
  /** An export that the server does not know is not a refusal on principle: it may come yet. @default false */
  readonly awaitExport?: boolean | undefined;
  /**
   * More than 0: until the first success, attempts are repeated even though `retry` is off, and a wait for them lasts
   * at most this long, in milliseconds. @default 0
   */
  readonly openTimeoutMs?: number | undefined;
  /** No more attempts than this until the first success, then the last error is told. @default as many as the time allows */
  readonly openAttemptsMax?: number | undefined;
  /** Hears how the attempts go. */
  readonly report?: ((event: ConnectionEvent) => void) | undefined;
  /** Somebody begins or ceases to wait: the process should live on meanwhile. */
  readonly waiting?: ((on: boolean) => void) | undefined;
}

interface Waiter<Connection> {
  resolve(connection: Connection): void;
  reject(reason: unknown): void;
}

type State = 'idle' | 'trying' | 'sleeping' | 'released';

/**
 * Makes connections as QEMU's connection thread does, with an interruptible sleep and an eye for refusals that will not
 * pass. After an attempt, exactly one of `#ready` and `#lastError` tells its outcome, until the connection is taken.
 */
export class ConnectLoop<Connection> {
  readonly #options: ConnectLoopOptions<Connection>;
  readonly #backOff: BackOff;
  #state: State = 'idle';
  #retry = false;
  /** Whether a connection has ever been made: the open timeout is over then. */
  #hasOpened = false;
  /** ConnectLoop since the last success. */
  #count = 0;
  #startedAt = 0;
  #ready: Candidate<Connection> | undefined;
  #lastError: Error | undefined;
  #waiter: Waiter<Connection> | undefined;
  #abortAttempt: AbortController | undefined;
  #cancelSleep: Cancel | undefined;

  constructor(options: ConnectLoopOptions<Connection>) {
    this.#options = options;
    this.#backOff = new BackOff(options.jitter);
  }

  /** See `Connector.establish`. */
  async establish({ wait, signal }: EstablishOptions): Promise<Connection> {
    this.#check(wait, signal);
    const ready = this.#takeReady();
    if (ready !== undefined) return ready.take();
    if (this.#state === 'idle') this.#start();
    if (!wait) throw this.#noneYet();
    return await this.#wait(signal);
  }

  /** See `Connector.retry`. Switched off during a sleep, it ends the sleep and the wait for it. */
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
    const closed = this.#released();
    this.#abortAttempt?.abort(closed);
    this.#ready?.discard();
    this.#ready = undefined;
    this.#waiter?.reject(closed);
    this.#report({ type: 'released', endpoint: this.#options.name });
  }

  get #repeats(): boolean {
    return this.#retry || (!this.#hasOpened && this.#openTimeoutMs > 0);
  }

  get #openTimeoutMs(): number {
    return this.#options.openTimeoutMs ?? 0;
  }

  #check(wait: boolean, signal: AbortSignal | undefined): void {
    if (this.#state === 'released') throw this.#released();
    signal?.throwIfAborted();
    if (wait && this.#waiter !== undefined) {
      throw new UsageError('ERR_NBD_STATE', `${this.#options.name}: somebody waits for this connector already`);
    }
  }

  /** The connection that is ready, if it has not died while it was kept. */
  #takeReady(): Candidate<Connection> | undefined {
    const ready = this.#ready;
    this.#ready = undefined;
    if (ready === undefined || ready.usable) return ready;
    ready.discard();
    return undefined;
  }

  #start(): void {
    this.#backOff.reset();
    this.#try();
  }

  #try(): void {
    const { name: endpoint } = this.#options;
    this.#state = 'trying';
    this.#count++;
    const controller = new AbortController();
    this.#abortAttempt = controller;
    this.#startedAt = this.#options.clock.now();
    this.#report({ type: 'attempt', endpoint, attempt: this.#count });
    this.#options.attempt(controller.signal).then(
      (candidate) => this.#succeeded(candidate),
      (reason: unknown) => this.#failed(reason instanceof Error ? reason : new Error(String(reason))),
    );
  }

  #succeeded(candidate: Candidate<Connection>): void {
    if (this.#state === 'released') {
      candidate.discard();
      return;
    }
    this.#state = 'idle';
    this.#hasOpened = true;
    const durationMs = this.#options.clock.now() - this.#startedAt;
    this.#report({ type: 'established', endpoint: this.#options.name, attempt: this.#count, durationMs });
    this.#count = 0;
    this.#lastError = undefined;
    if (this.#waiter === undefined) this.#ready = candidate;
    else this.#waiter.resolve(candidate.take());
  }

  #failed(error: Error): void {
    if (this.#state === 'released') return;
    const { name: endpoint } = this.#options;
    const isAwaited = this.#options.awaitExport === true && isUnknownExport(error);
    const permanent = isPermanent(error) && !isAwaited;
    this.#lastError = cloneError(error, this.#count);
    this.#report({ type: 'failed', endpoint, attempt: this.#count, error: cloneError(error), permanent });
    const { stopOnPermanent = true, openAttemptsMax = Number.POSITIVE_INFINITY } = this.#options;
    const isEnough = (permanent && stopOnPermanent) || (!this.#hasOpened && this.#count >= openAttemptsMax);
    if (this.#repeats && !isEnough) this.#sleep();
    else this.#giveUp();
  }

  #sleep(): void {
    this.#state = 'sleeping';
    const delayMs = this.#backOff.next();
    this.#report({ type: 'sleep', endpoint: this.#options.name, delayMs });
    this.#cancelSleep = this.#options.clock.schedule(delayMs, () => {
      this.#cancelSleep = undefined;
      this.#try();
    });
  }

  #stopSleep(): void {
    this.#cancelSleep?.();
    this.#cancelSleep = undefined;
  }

  /** The attempts are over for now; whoever asks next begins anew. */
  #giveUp(): void {
    this.#state = 'idle';
    this.#count = 0;
    this.#waiter?.reject(this.#copyOfLastError());
  }

  /** Waits for the attempt under way, until the signal or the open timeout ends the wait. */
  #wait(signal: AbortSignal | undefined): Promise<Connection> {
    const { clock, waiting } = this.#options;
    return new Promise<Connection>((resolve, reject) => {
      let cancelTimeout: Cancel | undefined;
      const onAbort = () => waiter.reject(signal?.reason);
      const leave = () => {
        cancelTimeout?.();
        signal?.removeEventListener('abort', onAbort);
        this.#waiter = undefined;
        waiting?.(false);
      };
      const waiter: Waiter<Connection> = {
        resolve: (connection) => {
          leave();
          resolve(connection);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      this.#waiter = waiter;
      signal?.addEventListener('abort', onAbort, { once: true });
      if (!this.#hasOpened && this.#openTimeoutMs > 0) {
        cancelTimeout = clock.schedule(this.#openTimeoutMs, () => waiter.reject(this.#openTimedOut()));
      }
      waiting?.(true);
    });
  }

  #report(event: ConnectionEvent): void {
    this.#options.report?.(event);
  }

  #copyOfLastError(): Error | undefined {
    return this.#lastError && cloneError(this.#lastError);
  }

  #noneYet(): Error {
    const message = `${this.#options.name}: no connection yet, the attempt goes on`;
    return this.#copyOfLastError() ?? new ConnectError('ERR_NBD_CONNECT_NONE_YET', message, { attempts: this.#count });
  }

  #openTimedOut(): TimeoutError {
    const last = this.#copyOfLastError();
    const message = `${this.#options.name}: no connection within ${this.#openTimeoutMs} ms`;
    if (last === undefined) return new TimeoutError('open', message);
    return new TimeoutError('open', `${message}; the last of ${this.#count} attempts: ${last.message}`, {
      cause: last,
    });
  }

  #released(): UsageError {
    return new UsageError('ERR_NBD_CLOSED', `${this.#options.name}: the connector has been released`);
  }
}
