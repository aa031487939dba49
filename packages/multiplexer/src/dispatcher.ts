/** Sends requests by whatever connection there is, in the order in which they came. */
import {
  type Clock,
  type Connector,
  type Defer,
  type Established,
  type ExportFacts,
  TimeoutError,
} from '@nbdjs/interfaces';
import { listen } from './abort-listening.ts';
import { type AfterLoss, failAfterLoss } from './after-loss.ts';
import { copyOf, neverSentError } from './failures.ts';
import { closedError, Link, type LinkState } from './link.ts';
import type { Request } from './request.ts';
import { RequestQueue } from './request-queue.ts';
import { SlotTable } from './slot-table.ts';
import { emptyStatistics } from './statistics.ts';
import type { TransmissionTrace } from './transmission-trace.ts';
import { Wire, type WireOptions } from './wire.ts';

/** With so many requests in flight the server does not wait for the next one, so those that follow may gather. */
const gatherInFlightMin = 4;
/** So many leave together at the latest. Measured: more leave the server idle. */
const gatherMax = 8;
/** As many wait, at most, as are in flight; fewer when payloads are long, because a server must never be short of those. */
const gatherShare = 1;
const gatherShareOfLong = 1 / 8;
const longPayloadMin = 32 * 1024;

export interface DispatcherOptions extends WireOptions {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly defer: Defer;
  readonly nextTurn: Defer | undefined;
  readonly reconnectDelayMs: number;
  readonly openTimeoutMs: number;
  readonly closeMs: number;
}

/** Fills a promise's ends into variables, so that making one costs no closure. */
let resolveLast: () => void;
let rejectLast: (error: unknown) => void;
const capture = (resolve: () => void, reject: (error: unknown) => void): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

export class Dispatcher {
  readonly statistics = emptyStatistics();
  /** Settles when all is over, with the error that ended it, if nobody asked for it. */
  readonly closed: Promise<Error | undefined>;
  readonly #options: DispatcherOptions;
  readonly #trace: TransmissionTrace;
  readonly #link: Link;
  readonly #queue = new RequestQueue();
  readonly #slots = new SlotTable();
  readonly #afterLoss: AfterLoss = failAfterLoss;
  readonly #pumpTask = (): void => this.#pump();
  readonly #pumpOrGatherTask = (): void => this.#pumpOrGather();
  readonly #gatherTask = (): void => this.#gather();
  readonly #onConnected: (facts: ExportFacts) => void;
  #wire: Wire | undefined;
  /** Connections that we have taken leave of, each until the server has ended it. */
  readonly #leaving = new Map<Wire, Promise<void>>();
  #isPumpScheduled = false;
  /** Deliveries that had come when it was last looked whether more do. */
  #deliveriesSeen = 0;
  /** Calls that issue their requests one after the other and have not come to their end. */
  #callCount = 0;
  #closing: Promise<void> | undefined;
  #isDestroyed = false;
  #settleClosed!: (error: Error | undefined) => void;
  #tellIdle: (() => void) | undefined;

  /** `onConnected` is called with each connection's facts before any request leaves by it. */
  constructor(options: DispatcherOptions, trace: TransmissionTrace, onConnected: (facts: ExportFacts) => void) {
    this.#options = options;
    this.#trace = trace;
    this.#onConnected = onConnected;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#link = new Link(options, trace, {
      connected: (established) => this.#connected(established),
      failed: (error) => this.#failWaiting(() => copyOf(error)),
      unwanted: (established) => this.#decline(established),
      closed: (error) => this.#ended(error),
    });
  }

  get state(): LinkState {
    return this.#link.state;
  }

  get facts(): ExportFacts | undefined {
    return this.#link.facts;
  }

  /** Whether calls are refused, although those that were under way may be still. */
  get isClosing(): boolean {
    return this.#closing !== undefined || this.#link.state === 'closed';
  }

  open(signal: AbortSignal | undefined): Promise<ExportFacts> {
    return this.#link.open(signal);
  }

  /** What calls are refused with. */
  refusal(): Error {
    return closedError(this.#link.closedBy);
  }

  /** Issues a request; it leaves when the code that is running, and all that this code wakes, has run. */
  submit(request: Request): Promise<void> {
    if (this.#link.state === 'closed') return Promise.reject(this.refusal());
    const { details } = request;
    if (details?.signal !== undefined) {
      if (details.signal.aborted) return Promise.reject(details.signal.reason);
      details.onAbort = () => this.#abort(request);
      listen(details.signal, details.onAbort);
    }
    const promise = new Promise<void>(capture);
    request.resolve = resolveLast;
    request.reject = rejectLast;
    this.#queue.push(request);
    if (this.#wire === undefined) this.#link.nudge();
    else if (!this.#isPumpScheduled) this.#schedulePump();
    return promise;
  }

  /** Runs something that issues requests one after the other: `close` waits for it as for a request. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#callCount++;
    try {
      return await work();
    } finally {
      this.#callCount--;
      this.#checkIdle();
    }
  }

  /** Settles when none of the writing requests that touch a range and were issued so far is under way any more. */
  async quiet(start: bigint, end: bigint): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const request of [...this.#slots.all(), ...this.#queue.all()]) {
      if (!request.isWriting || request.offset >= end || request.offset + request.length <= start) continue;
      const details = request.detailed();
      const finished = new Promise<void>((resolve) => {
        details.onFinished ??= [];
        details.onFinished.push(resolve);
      });
      waits.push(finished);
    }
    await Promise.all(waits);
  }

  /** Waits for what is under way, takes leave of the server and ends everything, for as long as `closeMs` lets it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends everything now. What is under way fails. */
  destroy(cause?: Error): void {
    this.#link.close(cause);
    this.#isDestroyed = true;
    for (const wire of this.#leaving.keys()) wire.destroy(cause);
    this.#wire?.destroy(cause ?? new Error('the device was destroyed'));
  }

  #schedulePump(): void {
    this.#isPumpScheduled = true;
    const { first } = this.#queue;
    const { defer, nextTurn } = this.#options;
    // Sending much takes long. What has arrived, on other connections too, is taken in first, so that nobody's peer has to
    // wait meanwhile for room to send in.
    const isLong = first?.isSending === true && first.payloadBytes >= longPayloadMin;
    if (isLong && nextTurn !== undefined) nextTurn(this.#pumpTask);
    else defer(this.#pumpOrGatherTask);
  }

  /**
   * While replies stream in, the requests that several deliveries wake leave in one write: that costs both sides less, and the
   * server has others to work on. As soon as nothing more has come, they leave.
   */
  #pumpOrGather(): void {
    // The turn that comes first still belongs to the last delivery, so what it finds tells nothing.
    this.#deliveriesSeen = -1;
    if (this.#mayGather()) this.#options.nextTurn?.(this.#gatherTask);
    else this.#pump();
  }

  #gather(): void {
    const deliveries = this.#wire?.deliveryCount;
    const goesOn = deliveries !== this.#deliveriesSeen && this.#mayGather();
    this.#deliveriesSeen = deliveries ?? -1;
    if (goesOn) this.#options.nextTurn?.(this.#gatherTask);
    else this.#pump();
  }

  #mayGather(): boolean {
    const { count, first } = this.#queue;
    if (this.#options.nextTurn === undefined || this.#wire === undefined || first === undefined) return false;
    const inFlight = this.#slots.count;
    const share = first.payloadBytes < longPayloadMin ? gatherShare : gatherShareOfLong;
    return inFlight >= gatherInFlightMin && count < Math.min(gatherMax, inFlight * share);
  }

  /** Sends what waits, in order, as far as the limits allow, in one write. */
  #pump(): void {
    this.#isPumpScheduled = false;
    const wire = this.#wire;
    if (wire === undefined || wire.isBlocked) return;
    this.#trace.look();
    const queue = this.#queue;
    for (let request = queue.first; request !== undefined && wire.canTake(request); request = queue.first) {
      queue.shift();
      wire.issue(request);
    }
    wire.send();
  }

  #abort(request: Request): void {
    const reason = request.details?.signal?.reason;
    if (request.slot >= 0) {
      this.#wire?.abandon(request, reason);
      return;
    }
    // It may have been answered, and only the channel has not let go of its memory.
    if (!this.#queue.remove(request)) return;
    request.finish();
    request.reject(reason);
    // The next one may fit where this one did not.
    if (!this.#queue.isEmpty && !this.#isPumpScheduled) this.#schedulePump();
    this.#checkIdle();
  }

  #connected(established: Established): void {
    this.#onConnected(established.facts);
    const wire: Wire = new Wire(established, this.#slots, this.statistics, this.#trace, this.#options, {
      room: () => this.#room(),
      dismissed: () => this.#takeLeave(wire),
      lost: (cause) => this.#lost(wire, cause),
    });
    this.#wire = wire;
    wire.start();
    this.#room();
  }

  #room(): void {
    if (!this.#queue.isEmpty && !this.#isPumpScheduled) this.#schedulePump();
    this.#checkIdle();
  }

  #decline(established: Established): void {
    const nobody = { room() {}, dismissed() {}, lost() {} };
    const wire = new Wire(established, new SlotTable(), this.statistics, this.#trace, this.#options, nobody);
    if (this.#isDestroyed) wire.destroy();
    else this.#seeOff(wire, () => wire.decline());
  }

  /** C58: the server asked us to go. In order, and whoever still waits goes by the next connection. */
  #takeLeave(wire: Wire): void {
    this.#seeOff(wire, () => wire.farewell());
    this.#lost(wire, undefined);
  }

  /** Says good-bye and gives the server some time to end the connection from its side. */
  #seeOff(wire: Wire, sayGoodbye: () => void): void {
    const cancel = this.#options.clock.schedule(this.#options.closeMs, () => wire.destroy());
    const gone = wire.closed.then(() => {
      this.#leaving.delete(wire);
      cancel();
    });
    this.#leaving.set(wire, gone);
    sayGoodbye();
  }

  #lost(wire: Wire, cause: Error | undefined): void {
    if (this.#wire !== wire) return;
    this.#wire = undefined;
    const unanswered = this.#slots.clear();
    if (this.#closing === undefined) this.#link.lost(cause);
    else this.#link.close(cause);
    this.#afterLoss(unanswered, cause);
    if (!this.#queue.isEmpty) this.#link.nudge();
    this.#checkIdle();
  }

  #failWaiting(makeError: (request: Request) => Error): void {
    for (const request of this.#queue.clear()) {
      request.finish();
      request.reject(makeError(request));
    }
    this.#checkIdle();
  }

  /** The link is closed. */
  #ended(error: Error | undefined): void {
    const cause = error ?? new Error('the device was closed');
    this.#failWaiting((request) => neverSentError(request, cause));
    this.#settleClosed(error);
  }

  #checkIdle(): void {
    if (this.#tellIdle === undefined || this.#callCount > 0 || this.#slots.count > 0 || !this.#queue.isEmpty) return;
    this.#tellIdle();
    this.#tellIdle = undefined;
  }

  async #close(): Promise<void> {
    if (this.#link.state !== 'closed') await this.#finish();
    await Promise.all(this.#leaving.values());
  }

  /** Waits for what is under way, then says good-bye. */
  async #finish(): Promise<void> {
    const { clock, closeMs } = this.#options;
    const expiry = new TimeoutError('close', `requests were still under way ${closeMs} ms after the call to close`);
    const cancel = clock.schedule(closeMs, () => this.destroy(expiry));
    await new Promise<void>((resolve) => {
      this.#tellIdle = resolve;
      this.#checkIdle();
    });
    cancel();
    const wire = this.#wire;
    this.#wire = undefined;
    this.#link.close();
    if (wire !== undefined) this.#seeOff(wire, () => wire.farewell());
  }
}
