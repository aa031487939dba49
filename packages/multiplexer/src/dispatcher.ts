/** Sends requests by whatever connection there is, in the order in which they came. */
import {
  type Clock,
  type Connector,
  type Defer,
  type Established,
  type ExportFacts,
  type Losses,
  TimeoutError,
} from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import { listen } from './abort-listening.ts';
import { Connection, type ConnectionContext } from './connections/connection.ts';
import { ConnectionSet } from './connections/connection-set.ts';
import { createWatch, type Watch } from './connections/liveness.ts';
import { closedError, type DeviceState, Link } from './connections/reconnect-policy.ts';
import type { Journal } from './durability/journal.ts';
import { Replay } from './durability/replay.ts';
import { type JournalOptions, UnflushedWrites } from './durability/unflushed-writes.ts';
import { lostError, neverSentError, waitedInVainError } from './errors.ts';
import { abilitiesOf } from './export/export-traits.ts';
import type { DeviceEvent } from './multiplexer-options.ts';
import type { ReplyLimits } from './replies/reply-limits.ts';
import { CookieSequence } from './requests/in-flight-table.ts';
import { type Request, requestOf } from './requests/request.ts';
import { RequestQueue } from './requests/request-queue.ts';
import { emptyStatistics } from './statistics.ts';
import type { TransmissionTrace } from './transmission-trace.ts';

/** With so many requests in flight the server does not wait for the next one, so those that follow may gather. */
const gatherInFlightMin = 4;
/** So many leave together at the latest. Measured: more leave the server idle. */
const gatherMax = 8;
/** As many wait, at most, as are in flight; fewer when payloads are long, because a server must never be short of those. */
const gatherShare = 1;
const gatherShareOfLong = 1 / 8;
const longPayloadMin = 32 * 1024;

/** A request that has cost so many connections their life is not given another one. */
const lossesMax = 32;

export interface DispatcherOptions {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly defer: Defer;
  readonly nextTurn: Defer | undefined;
  readonly reconnectDelayMs: number;
  readonly openTimeoutMs: number;
  readonly closeMs: number;
  readonly connections: number;
  readonly stopOnPermanent: boolean;
  readonly reconnects: boolean;
  readonly onEvent: (event: DeviceEvent) => void;
  readonly requestsInFlightMax: number;
  readonly bytesInFlightMax: number;
  readonly limits: ReplyLimits;
  readonly lenientReplies: boolean;
  readonly requestTimeoutMs: number;
  readonly silenceMs: number;
  readonly keepAliveMs: number;
  /** What to remember of unflushed writes; without, and without reconnecting, it is only noted which ranges they are in. */
  readonly journal: JournalOptions | undefined;
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
  readonly #pumpTask = (): void => this.#pump();
  readonly #pumpOrGatherTask = (): void => this.#pumpOrGather();
  readonly #gatherTask = (): void => this.#gather();
  readonly #onConnected: (facts: ExportFacts) => void;
  readonly #commons: ConnectionContext;
  readonly #fleet: ConnectionSet;
  readonly #unflushed: UnflushedWrites;
  readonly #watch: Watch | undefined;
  /** While it runs, nothing else is sent. */
  #replay: Replay | undefined;
  /** Connections that we have taken leave of, each until the server has ended it. */
  readonly #leaving = new Map<Connection, Promise<void>>();
  #isPumpScheduled = false;
  /** Deliveries that had come when it was last looked whether more do. */
  #deliveriesSeen = 0;
  /** Calls that issue their requests one after the other and have not come to their end. */
  #callCount = 0;
  #closing: Promise<void> | undefined;
  #isDestroyed = false;
  /** Somebody was told that the last connection is gone. */
  #isDown = false;
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
    const { clock, reconnectDelayMs, requestsInFlightMax, bytesInFlightMax, silenceMs, keepAliveMs, journal } = options;
    const remembered = reconnectDelayMs > 0 ? journal : undefined;
    this.#unflushed = new UnflushedWrites(remembered, options, () => this.#room());
    const wireOptions = {
      requestsInFlightMax,
      bytesInFlightMax,
      limits: options.limits,
      lenientReplies: options.lenientReplies,
      takesBack: reconnectDelayMs > 0,
      clock: silenceMs > 0 || keepAliveMs > 0 ? clock : undefined,
    };
    const { statistics } = this;
    const cookies = new CookieSequence();
    this.#commons = { options: wireOptions, cookies, statistics, trace, journal: undefined };
    this.#fleet = new ConnectionSet(this.#commons, {
      room: () => this.#room(),
      eraBegun: () => this.#beginEra(),
      dismissed: (wire) => this.#takeLeave(wire),
      lost: (wire, cause) => this.#lost(wire, cause),
    });
    this.#link = new Link(options, trace, {
      connected: (established) => this.#connected(established),
      failed: (error) => this.#waitedInVain(error),
      unwanted: (established) => this.#decline(established),
      closed: (error) => this.#ended(error),
    });
    this.#watch = createWatch(options, this.#fleet, {
      waiting: () => this.#queue.all(),
      expired: (request, error) => this.#expire(request, error),
    });
  }

  get state(): DeviceState {
    return this.#link.state;
  }

  /** What was acknowledged, and may be gone. */
  get losses(): Losses {
    return this.#unflushed.losses;
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

  /** See `Link.widen`. */
  widen(connections: number): void {
    this.#link.widen(connections);
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
    if (this.#watch !== undefined) request.sinceMs = this.#watch.begin();
    this.#queue.push(request);
    if (this.#fleet.isEmpty) this.#link.nudge();
    else if (!this.#isPumpScheduled) this.#schedulePump();
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
    for (const request of [...this.#fleet.requests(), ...this.#queue.all()]) {
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
    this.#isDestroyed = true;
    this.#end(cause);
  }

  #end(cause: Error | undefined): void {
    this.#link.close(cause);
    for (const wire of this.#leaving.keys()) wire.destroy(cause);
    this.#fleet.destroy(cause ?? new Error('the device was destroyed'));
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
    const deliveries = this.#fleet.deliveryCount;
    const goesOn = deliveries !== this.#deliveriesSeen && this.#mayGather();
    this.#deliveriesSeen = deliveries;
    if (goesOn) this.#options.nextTurn?.(this.#gatherTask);
    else this.#pump();
  }

  #mayGather(): boolean {
    const { count, first } = this.#queue;
    if (this.#options.nextTurn === undefined || first === undefined) return false;
    const { inFlight } = this.#fleet;
    const share = first.payloadBytes < longPayloadMin ? gatherShare : gatherShareOfLong;
    return inFlight >= gatherInFlightMin && count < Math.min(gatherMax, inFlight * share);
  }

  /** Sends what waits, in order, as far as the limits allow, in one write for each connection. */
  #pump(): void {
    this.#isPumpScheduled = false;
    const fleet = this.#fleet;
    if (fleet.isEmpty || this.#replay !== undefined) return;
    this.#trace.look();
    const queue = this.#queue;
    const unflushed = this.#unflushed;
    this.#flushInTime();
    for (let request = queue.first; request !== undefined; request = queue.first) {
      if (unflushed.holdsBack(request)) break;
      const wire = fleet.choose(request);
      if (wire === undefined) break;
      queue.shift();
      wire.issue(request);
    }
    fleet.send();
    if (this.#link.isShort) this.#link.nudge();
  }

  #flushInTime(): void {
    const wire = this.#fleet.members.find(({ isBlocked }) => !isBlocked);
    const flush = wire === undefined ? undefined : this.#unflushed.dueFlush();
    if (flush !== undefined) wire?.issue(flush);
  }

  #abort(request: Request): void {
    const reason = request.details?.signal?.reason;
    if (request.slot >= 0) this.#fleet.ownerOf(request)?.abandon(request, reason);
    else this.#giveUp(request, reason);
  }

  /** A request has taken too long. When its memory is stuck in the channel, so is the connection. */
  #expire(request: Request, error: TimeoutError): void {
    const wire = request.slot >= 0 ? this.#fleet.ownerOf(request) : undefined;
    if (wire === undefined) {
      this.#giveUp(request, error);
      return;
    }
    const isStuck = wire.holds(request);
    wire.abandon(request, error);
    if (isStuck) wire.destroy(error);
  }

  /** A request that is not in flight has lost its caller. */
  #giveUp(request: Request, reason: unknown): void {
    // It may have been answered, and only the channel has not let go of its memory.
    if (!this.#queue.remove(request) && !this.#fleet.forgetReturned(request)) return;
    request.finish();
    request.reject(reason);
    // The next one may fit where this one did not.
    if (!this.#queue.isEmpty && !this.#isPumpScheduled) this.#schedulePump();
    this.#checkIdle();
  }

  #connected(established: Established): void {
    const { facts } = established;
    this.#onConnected(facts);
    // Where nothing can be flushed, nothing ever becomes safe.
    const isOfUse = abilitiesOf(facts).flush && !abilitiesOf(facts).readOnly;
    this.#commons.journal = isOfUse ? this.#unflushed.journal : undefined;
    this.#watch?.begin();
    this.#fleet.add(established);
  }

  /** What was not flushed may be gone with the connections of before. */
  #beginEra(): void {
    const { journal } = this.#commons;
    if (journal === undefined || journal.isEmpty) {
      this.#restored(0);
      return;
    }
    journal.serverLost();
    this.#beginReplay(journal);
  }

  #restored(requestsReplayed: number): void {
    const error = this.#unflushed.settle();
    if (this.#isDown) this.#options.onEvent({ type: 'restored', requestsReplayed });
    this.#isDown = false;
    if (error !== undefined) this.#options.onEvent({ type: 'writes-lost', error });
  }

  #beginReplay(journal: Journal): void {
    const [wire] = this.#fleet.members;
    if (wire === undefined) return;
    const replay: Replay = new Replay(journal, wire, this.statistics, () => {
      if (this.#replay !== replay) return;
      this.#replay = undefined;
      this.#trace.replayed(replay.requestCount);
      this.#restored(replay.requestCount);
      this.#room();
    });
    if (replay.isDone) {
      this.#restored(0);
      return;
    }
    this.#replay = replay;
    replay.feed();
  }

  #room(): void {
    this.#replay?.feed();
    if (!this.#queue.isEmpty && !this.#isPumpScheduled) this.#schedulePump();
    this.#checkIdle();
  }

  #decline(established: Established): void {
    const nobody = { room() {}, dismissed() {}, lost() {} };
    const wire = new Connection(established, this.#commons, nobody);
    if (this.#isDestroyed) wire.destroy();
    else this.#seeOff(wire, () => wire.decline());
  }

  /** C58: the server asked us to go. In order, and whoever still waits goes by the next connection. */
  #takeLeave(wire: Connection): void {
    this.#seeOff(wire, () => wire.farewell());
    this.#lost(wire, undefined);
  }

  /** Says good-bye and gives the server some time to end the connection from its side. */
  #seeOff(wire: Connection, sayGoodbye: () => void): void {
    const cancel = this.#options.clock.schedule(this.#options.closeMs, () => wire.destroy());
    const gone = wire.closed.then(() => {
      this.#leaving.delete(wire);
      cancel();
    });
    this.#leaving.set(wire, gone);
    sayGoodbye();
  }

  #lost(wire: Connection, cause: Error | undefined): void {
    // On probation it was of no use to anybody.
    const wasOfUse = wire.wasOfUse && this.#fleet.isMember(wire);
    const unanswered = this.#fleet.remove(wire);
    const { reconnectDelayMs } = this.#options;
    if (this.#closing === undefined || reconnectDelayMs > 0) this.#link.lost(cause, wasOfUse);
    else if (this.#fleet.isEmpty) this.#link.close(cause);
    if (this.#fleet.isEmpty && this.#closing === undefined && this.#link.state !== 'closed' && !this.#isDown) {
      this.#isDown = true;
      this.#options.onEvent({ type: 'lost', cause });
    }
    const wasReplaying = this.#replay?.wire === wire;
    if (wasReplaying) this.#replay = undefined;
    this.#sendAgain(unanswered, cause);
    if (this.#fleet.isEmpty) {
      this.#fleet.promote();
    } else if (wasReplaying && this.#commons.journal !== undefined) {
      this.#beginReplay(this.#commons.journal);
    }
    if (!this.#queue.isEmpty) this.#link.nudge();
    this.#checkIdle();
  }

  /** Requests that a lost connection owes answers to go by the next one, before all others, unless nobody reconnects. */
  #sendAgain(requests: readonly Request[], cause: Error | undefined): void {
    const { state } = this.#link;
    const isHopeful = this.#options.reconnectDelayMs > 0 && (state === 'connected' || state === 'connecting-wait');
    const again: Request[] = [];
    for (const request of requests) {
      const { details } = request;
      if (details?.onLost !== undefined) {
        details.onLost();
      } else if (request.isAbandoned) {
        request.finish();
      } else if (isHopeful && request.detailed().losses++ < lossesMax) {
        request.startOver();
        again.push(request);
      } else {
        request.finish();
        request.reject(lostError(request, 'unknown', cause));
      }
    }
    if (again.length === 0) return;
    this.statistics.requestsResent += again.length;
    this.#queue.putFirst(again);
    if (!this.#isPumpScheduled) this.#schedulePump();
  }

  #waitedInVain(error: Error): void {
    if (!this.#queue.isEmpty) this.#options.onEvent({ type: 'waited-in-vain', error });
    this.#failWaiting((request) => waitedInVainError(request, error));
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
    this.#watch?.stop();
    const cause = error ?? new Error('the device was closed');
    this.#failWaiting((request) => neverSentError(request, cause));
    // A server that breaks the rules on one connection is not to be trusted on the others.
    if (error !== undefined) this.#fleet.destroy(error);
    this.#settleClosed(error);
  }

  #checkIdle(): void {
    if (this.#tellIdle === undefined || this.#callCount > 0 || this.#replay !== undefined) return;
    if (this.#fleet.inFlight > 0 || !this.#queue.isEmpty) return;
    this.#tellIdle();
    this.#tellIdle = undefined;
  }

  async #close(): Promise<void> {
    if (this.#link.state !== 'closed') await this.#finish();
    const cause = this.#link.closedBy;
    await Promise.all(this.#leaving.values());
    if (this.#isDestroyed) return;
    const { journal } = this.#commons;
    if (cause !== undefined && this.#remembers) journal?.loseAll();
    this.#unflushed.settle(cause);
    this.#unflushed.requireNothingLost();
  }

  /** Waits for what is under way, then says good-bye. */
  async #finish(): Promise<void> {
    const { clock, closeMs } = this.#options;
    const expiry = new TimeoutError('close', `requests were still under way ${closeMs} ms after the call to close`);
    const cancel = clock.schedule(closeMs, () => this.#end(expiry));
    await this.#idle();
    const { journal } = this.#commons;
    if (this.#fleet.isEmpty && this.#remembers && journal?.isEmpty === false) {
      // Nobody has asked for anything since the connection was lost, but there are writes that may need replaying.
      await this.submit(requestOf(Command.Flush, 0, 0n, 0n)).catch(() => {});
      if (!journal.isEmpty) journal.loseAll();
    }
    cancel();
    const wires = this.#fleet.all();
    for (const wire of wires) this.#fleet.remove(wire);
    this.#link.close();
    for (const wire of wires) this.#seeOff(wire, () => wire.farewell());
  }

  /** Whether unflushed writes can be played again, so that a new connection is worth having for that alone. */
  get #remembers(): boolean {
    return this.#options.reconnectDelayMs > 0 && this.#options.journal !== undefined;
  }

  #idle(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#tellIdle = resolve;
      this.#checkIdle();
    });
  }
}
