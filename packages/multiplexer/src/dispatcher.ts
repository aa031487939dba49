/** Sends requests by any connection that is open, in the order in which they came, and deals with the loss of connections. */
import type { Losses } from '@nbdjs/interfaces';
import { BusyPoll, listenForAbort } from '@nbdjs/kit';
import { Command } from '@nbdjs/protocol';
import { type ConnectionLoss, ConnectionSet } from './connections/connection-set.ts';
import { Liveness } from './connections/liveness.ts';
import type { OuterAction } from './connections/reconnect-states.ts';
import { Reconnector } from './connections/reconnector.ts';
import { Recovery } from './durability/recovery.ts';
import { UnflushedWrites } from './durability/unflushed-writes.ts';
import { closedError, neverSentError, waitedInVainError } from './errors.ts';
import { CookieSequence } from './requests/in-flight-table.ts';
import { repeatable } from './requests/orphans.ts';
import { type Request, requestOf } from './requests/request.ts';
import { RequestQueue } from './requests/request-queue.ts';
import { RequestTimeouts } from './requests/request-timeouts.ts';
import { Withdrawals } from './requests/withdrawals.ts';
import { SendScheduler } from './sending/send-scheduler.ts';
import type { MultiplexerSettings } from './settings.ts';
import { Shutdown } from './shutdown.ts';
import { emptyStatistics } from './statistics.ts';
import type { TransmissionTrace } from './transmission-trace.ts';
import { Watchdog } from './watchdog.ts';

/** Fills the ends of a promise into variables, so that making one costs no closure. */
let resolveLast: () => void;
let rejectLast: (error: unknown) => void;
const capture = (resolve: () => void, reject: (error: unknown) => void): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

export class Dispatcher {
  readonly statistics = emptyStatistics();
  /** Settles when all is over, with the error that ended it; `undefined` after a close that was asked for. */
  readonly closed: Promise<Error | undefined>;
  readonly reconnector: Reconnector;
  readonly shutdown: Shutdown;
  readonly #settings: MultiplexerSettings;
  readonly #queue = new RequestQueue();
  readonly #connections: ConnectionSet;
  readonly #unflushed: UnflushedWrites;
  readonly #recovery: Recovery;
  readonly #scheduler: SendScheduler;
  readonly #withdrawals: Withdrawals;
  readonly #watchdog: Watchdog | undefined;
  #settleClosed!: (error: Error | undefined) => void;

  constructor(settings: MultiplexerSettings, trace: TransmissionTrace) {
    this.#settings = settings;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const { statistics } = this;
    const queue = this.#queue;
    const hasCapacity = (): void => this.#hasCapacity();
    const unflushed = new UnflushedWrites(settings, hasCapacity);
    const recovery = new Recovery(settings, unflushed, statistics, trace, hasCapacity);
    const { clock, nextTurn, busyPollMs } = settings;
    const busyPoll = new BusyPoll(clock, nextTurn, busyPollMs);
    const context = { settings, cookies: new CookieSequence(), statistics, trace, busyPoll };
    const connections = new ConnectionSet(context, unflushed, {
      capacity: hasCapacity,
      incarnationBegun: () => recovery.begin(connections),
      lost: (loss) => this.#connectionLost(loss),
    });
    const reconnector = new Reconnector(settings, trace, connections, (action) => this.#perform(action));
    const parts = { queue, connections, reconnector, unflushed, recovery, trace };
    this.#unflushed = unflushed;
    this.#recovery = recovery;
    this.#connections = connections;
    this.reconnector = reconnector;
    this.#scheduler = new SendScheduler(settings, parts);
    this.shutdown = new Shutdown(settings, { ...parts, submit: (request) => this.submit(request) });
    const withdrawals = new Withdrawals(queue, connections, hasCapacity);
    this.#withdrawals = withdrawals;
    const timeouts = new RequestTimeouts(settings.requestTimeoutMs, connections, queue, withdrawals);
    const watchdog = new Watchdog(settings, [new Liveness(settings, connections), timeouts]);
    this.#watchdog = watchdog.isNeeded ? watchdog : undefined;
  }

  /** What was acknowledged, and may be gone. */
  get losses(): Losses {
    return this.#unflushed.losses;
  }

  /** Whether calls are refused, although those that were under way may be still. */
  get isClosing(): boolean {
    return this.shutdown.isClosing || this.reconnector.state === 'closed';
  }

  /** What calls are refused with. */
  refusal(): Error {
    return closedError(this.reconnector.closedBy);
  }

  /** Issues a request; it leaves when the code that is running, and all that this code wakes, has run. */
  submit(request: Request): Promise<void> {
    if (this.reconnector.state === 'closed') return Promise.reject(this.refusal());
    const { details } = request;
    if (details?.signal !== undefined) {
      if (details.signal.aborted) return Promise.reject(details.signal.reason);
      details.onAbort = () => this.#withdrawals.abort(request);
      listenForAbort(details.signal, details.onAbort);
    }
    const promise = new Promise<void>(capture);
    request.resolve = resolveLast;
    request.reject = rejectLast;
    if (this.#watchdog !== undefined) request.sinceMs = this.#watchdog.begin();
    this.#queue.push(request);
    if (this.#connections.isEmpty) this.reconnector.requestConnection();
    else this.#scheduler.schedule();
    return promise;
  }

  /** @throws WritesLostError when the server, or its successor, does not have all that was acknowledged. */
  async flush(signal: AbortSignal | undefined): Promise<void> {
    const { toldCount } = this.losses;
    try {
      await this.submit(requestOf(Command.Flush, 0, 0n, 0n, undefined, signal));
    } catch (error) {
      this.#unflushed.flushFailed(error);
      throw error;
    }
    this.#unflushed.requireNothingLost(toldCount);
  }

  /**
   * Settles when none of the requests that touch a range and were issued so far is under way any more.
   *
   * @param kind only those that write, or all
   */
  async quiet(start: bigint, end: bigint, kind: 'writing' | 'all' = 'writing'): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const request of [...this.#connections.requests(), ...this.#queue.all()]) {
      if (
        (kind === 'writing' && !request.isWriting) ||
        request.offset >= end ||
        request.offset + request.length <= start
      )
        continue;
      waits.push(request.finished());
    }
    await Promise.all(waits);
  }

  #hasCapacity(): void {
    this.#recovery.feed();
    this.#scheduler.schedule();
    this.shutdown.checkIdle();
  }

  /** Does what the reconnect policy leaves to others. */
  #perform(action: OuterAction): void {
    switch (action.type) {
      case 'admit':
        this.#unflushed.adapt(action.established.facts);
        this.#watchdog?.begin();
        this.#connections.admit(action.established);
        break;
      case 'decline':
        this.#connections.decline(action.established, this.shutdown.isDestroyed);
        break;
      case 'fail-waiting':
        if (!this.#queue.isEmpty) this.#settings.onEvent({ type: 'waited-in-vain', error: action.error });
        this.#failWaiting((request) => waitedInVainError(request, action.error));
        break;
      case 'closed':
        this.#end(action.error);
    }
  }

  /** All that a loss leads to, in this order. */
  #connectionLost(loss: ConnectionLoss): void {
    const connections = this.#connections;
    // 1. Is there to be another one? While the device is being closed, only for requests that may wait for it.
    const { cause, wasUseful } = loss;
    const { isClosing } = this.shutdown;
    if (!isClosing || this.#settings.reconnectDelayMs > 0) this.reconnector.connectionLost(cause, wasUseful);
    else if (connections.isEmpty) this.reconnector.close(cause);
    if (connections.isEmpty && !isClosing && this.reconnector.state !== 'closed') this.#recovery.reportLoss(loss);
    // 2. Its requests without an answer go by another one, or fail.
    this.#sendAgain(loss);
    // 3. A replay under way begins anew. Without an active connection, one on probation has its chance.
    this.#recovery.connectionLost(loss, connections);
    if (connections.isEmpty) connections.promote();
    // 4. Requests that wait ask for the next one.
    if (!this.#queue.isEmpty) this.reconnector.requestConnection();
    this.shutdown.checkIdle();
  }

  /** Requests of a lost connection without an answer go by the next one, before all others, where requests may wait. */
  #sendAgain({ orphans, cause }: ConnectionLoss): void {
    const { state } = this.reconnector;
    const mayWait = state === 'connected' || state === 'connecting-wait';
    const again = repeatable(orphans, mayWait && this.#settings.reconnectDelayMs > 0, cause);
    if (again.length === 0) return;
    this.statistics.requestsResent += again.length;
    this.#queue.putFirst(again);
    this.#scheduler.schedule();
  }

  #failWaiting(makeError: (request: Request) => Error): void {
    for (const request of this.#queue.clear()) {
      request.finish();
      request.reject(makeError(request));
    }
    this.shutdown.checkIdle();
  }

  #end(error: Error | undefined): void {
    this.#watchdog?.stop();
    const cause = error ?? new Error('the device was closed');
    this.#failWaiting((request) => neverSentError(request, cause));
    // A server that breaks the rules on one connection is not to be trusted on the others.
    if (error !== undefined) this.#connections.destroy(error);
    this.#unflushed.closed();
    this.#settleClosed(error);
  }
}
