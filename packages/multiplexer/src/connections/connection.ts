/** One negotiated connection: requests out in batches, replies in, each to its owner. */
import type { ByteSink, Clock, Established, ExportFacts } from '@nbdjs/interfaces';
import { type BusyPoll, toError } from '@nbdjs/kit';
import { Command, WireError } from '@nbdjs/protocol';
import type { Journal } from '../durability/journal.ts';
import { LenientReplyReceiver } from '../replies/lenient-reply-receiver.ts';
import { ReplyReceiver } from '../replies/reply-receiver.ts';
import { conclude } from '../requests/conclusion.ts';
import { type CookieSequence, InFlightTable, oldestFirst } from '../requests/in-flight-table.ts';
import { Request } from '../requests/request.ts';
import { intakeBytes, isNextReplyNear } from '../sending/traffic.ts';
import { WriteBatch } from '../sending/write-batch.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';
import type { ConnectionContext } from './connection-context.ts';

/** What a connection reports to the set that it belongs to. */
export interface ConnectionEvents {
  /** More may be sent: requests have been answered, or the channel has let go of what it was given. */
  capacity(connection: Connection): void;
  /** C58: the server goes away, and everything that was in flight has been answered. */
  dismissed(connection: Connection): void;
  /** The connection is gone. A `ProtocolError` as cause means that the server broke the rules. Reported once. */
  lost(connection: Connection, cause: Error | undefined): void;
}

/**
 * `open`: requests go out. `dismissed`: the server is shutting down, so nothing more is sent, and replies are still
 * taken. `leaving`: we have sent a disconnect request, and ignore what still comes. `over`: the channel is destroyed.
 */
type Phase = 'open' | 'dismissed' | 'leaving' | 'over';

export class Connection implements ByteSink {
  readonly facts: ExportFacts;
  /** Settles when the channel has released everything. */
  readonly closed: Promise<unknown>;
  /** Another number after each delivery; starts over now and then. */
  deliveryCount = 0;
  readonly #established: Established;
  readonly #inFlight: InFlightTable;
  readonly #cookies: CookieSequence;
  readonly #statistics: MutableStatistics;
  readonly #trace: TransmissionTrace;
  readonly #requestsInFlightMax: number;
  readonly #bytesInFlightMax: number;
  /** Requests that are refused because the server goes away are kept for the next connection. */
  readonly #takesBack: boolean;
  /** Set where it matters when something was last heard. */
  readonly #clock: Clock | undefined;
  readonly #journal: Journal | undefined;
  readonly #busyPoll: BusyPoll;
  readonly #events: ConnectionEvents;
  readonly #batch: WriteBatch;
  readonly #receiver: ReplyReceiver;
  #phase: Phase = 'open';
  /** Requests that the server, going away, has sent back. */
  #returned: Request[] = [];
  #heardMs = 0;
  /** The delivery under way has answered a request. */
  #hasCapacity = false;
  #hasAnswered = false;
  #isDelivering = false;
  /** What ends the connection when the delivery under way is over. */
  #fatal: { readonly cause: Error | undefined } | undefined;

  /** `journal`: where to note what the server acknowledges. */
  constructor(
    established: Established,
    context: ConnectionContext,
    journal: Journal | undefined,
    events: ConnectionEvents,
  ) {
    const { channel, facts } = established;
    const { settings, cookies, statistics, trace, busyPoll } = context;
    this.facts = facts;
    this.closed = channel.closed;
    this.#established = established;
    this.#inFlight = new InFlightTable(cookies);
    this.#cookies = cookies;
    this.#statistics = statistics;
    this.#trace = trace;
    this.#requestsInFlightMax = settings.requestsInFlightMax;
    this.#bytesInFlightMax = settings.bytesInFlightMax;
    this.#takesBack = settings.reconnectDelayMs > 0;
    this.#clock = settings.silenceMs > 0 || settings.keepAliveMs > 0 ? settings.clock : undefined;
    this.#journal = journal;
    this.#busyPoll = busyPoll;
    this.#events = events;
    this.#batch = new WriteBatch(channel, facts.mode === 'extended');
    const answered = (request: Request): void => this.#answered(request);
    const receiver = settings.strict.replies ? ReplyReceiver : LenientReplyReceiver;
    this.#receiver = new receiver(facts.mode, settings.limits, this.#inFlight, statistics, trace, answered);
  }

  /** Requests in flight. */
  get count(): number {
    return this.#inFlight.count;
  }

  /** Payload bytes in flight. */
  get bytesInFlight(): number {
    return this.#inFlight.payloadBytes;
  }

  /** Whether it was worth having: the server has done something for it, or was asked for nothing. */
  get wasUseful(): boolean {
    return this.#hasAnswered || (this.#inFlight.count === 0 && this.#returned.length === 0);
  }

  /** Whether an answer is awaited, or the server has to take what is sent. */
  get isOwed(): boolean {
    return this.#inFlight.count > 0 || this.#batch.isHeld;
  }

  /** When the server was heard last, or began to owe something, in milliseconds of the clock. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Everything that was given to this connection and is not over, oldest first. */
  requests(): readonly Request[] {
    return oldestFirst([...this.#inFlight.all(), ...this.#returned], this.#cookies);
  }

  /** Whether a request is in flight here. */
  owns(request: Request): boolean {
    return this.#inFlight.find(request.cookieHigh, request.slot) === request;
  }

  /** Takes back everything that is not over, oldest first. The connection must be at its end. */
  takeBack(): readonly Request[] {
    const requests = this.requests();
    this.#inFlight.clear();
    this.#returned = [];
    return requests;
  }

  /** Forgets a request that the server has sent back and whose caller is gone. Returns whether it was there. */
  forgetReturned(request: Request): boolean {
    const index = this.#returned.indexOf(request);
    if (index >= 0) this.#returned.splice(index, 1);
    return index >= 0;
  }

  /** Begins to receive, with the bytes that came behind the handshake. */
  start(): void {
    const { channel, excess } = this.#established;
    this.#statistics.connections++;
    if (this.#clock !== undefined) this.#heardMs = this.#clock.now();
    channel.open(this);
    for (let position = 0; position < excess.length && this.#phase !== 'over'; ) {
      const target = this.writable();
      const byteCount = Math.min(target.length, excess.length - position);
      target.set(excess.subarray(position, position + byteCount));
      position += byteCount;
      this.advance(byteCount);
    }
  }

  /** Whether nothing at all may be sent at present. */
  get isBlocked(): boolean {
    return this.#phase !== 'open' || this.#batch.isHeld;
  }

  /** Whether a request may go out within the limits. One that is larger than all limits goes alone. */
  canTake(request: Request): boolean {
    const { count, payloadBytes } = this.#inFlight;
    if (count === 0) return true;
    return count < this.#requestsInFlightMax && payloadBytes + request.payloadBytes <= this.#bytesInFlightMax;
  }

  /** Puts a request into the batch that leaves with the next `send`. */
  issue(request: Request): void {
    const { details } = request;
    if (details !== undefined) details.prepare?.(this.facts);
    if (this.#clock !== undefined && this.#inFlight.count === 0) this.#heardMs = this.#clock.now();
    this.#inFlight.put(request);
    if (this.#journal !== undefined && request.command === Command.Flush) {
      request.detailed().mark = this.#journal.mark();
    }
    this.#statistics.requestsSent++;
    this.#batch.add(request);
    if (this.#trace.isOn) this.#trace.request(request);
  }

  send(): void {
    this.#statistics.bytesSent += this.#batch.send();
    this.#awaitReply();
  }

  /** Whether the channel still reads a request's memory. */
  holds(request: Request): boolean {
    return request.batch !== 0 && this.#batch.isLent(request);
  }

  /**
   * Frees the caller of a request in flight: its reply will be awaited and dropped, and no byte lands in its memory any
   * more. Its promise rejects at once, or, when the channel still reads its memory, as soon as it does not.
   */
  abandon(request: Request, reason: unknown): void {
    request.isAbandoned = true;
    const { details } = request;
    if (details !== undefined) details.onChunk = undefined;
    if (!request.isSending) this.#receiver.discard(request);
    if (this.#batch.isLent(request)) this.#batch.whenDrained(() => request.reject(reason));
    else request.reject(reason);
  }

  /** C46, C47: says that no request will follow, and ends our direction. Nothing may be in flight. */
  farewell(): void {
    const request = new Request(Command.Disconnect, 0, 0, 0, 0, 0, undefined);
    // The table only lends a cookie: this request is never answered.
    this.#inFlight.put(request);
    this.#batch.add(request);
    this.#inFlight.remove(request);
    this.#statistics.requestsSent++;
    this.send();
    if (this.#phase !== 'over') this.#phase = 'leaving';
    this.#established.channel.end();
  }

  /** Ends a connection that was never started: in order all the same, because no rule was broken (G4). */
  decline(): void {
    this.#established.channel.open(this);
    this.farewell();
  }

  /** Ends the connection now; within a delivery, at its end. */
  destroy(cause?: Error): void {
    if (this.#isDelivering) this.#fatal ??= { cause };
    else this.#end(cause);
  }

  // ByteSink

  get missing(): number {
    return this.#receiver.decoder.missing;
  }

  writable(): Uint8Array {
    const { count, payloadBytes } = this.#inFlight;
    return this.#receiver.decoder.writable(intakeBytes(count, payloadBytes));
  }

  advance(byteCount: number): void {
    if (this.#phase === 'over' || this.#phase === 'leaving') return;
    this.#statistics.bytesReceived += byteCount;
    this.deliveryCount = (this.deliveryCount + 1) & 0x3fffffff;
    if (this.#clock !== undefined) this.#heardMs = this.#clock.now();
    this.#trace.look();
    this.#isDelivering = true;
    this.#busyPoll.heard();
    try {
      this.#receiver.decoder.advance(byteCount);
    } catch (error) {
      this.#fatal ??= { cause: toError(error) };
    }
    this.#isDelivering = false;
    this.#awaitReply();
    if (this.#fatal !== undefined) {
      this.#end(this.#fatal.cause);
      return;
    }
    if (!this.#hasCapacity) return;
    this.#hasCapacity = false;
    // What was answered may have made the phase another one.
    const isDismissed = (this.#phase as Phase) === 'dismissed';
    if (isDismissed && this.#inFlight.count === 0) this.#events.dismissed(this);
    else this.#events.capacity(this);
  }

  drained(): void {
    if (this.#phase === 'over') return;
    this.#batch.drained();
    if (this.#phase !== 'leaving') this.#events.capacity(this);
  }

  ended(cause?: Error): void {
    const isCut = cause === undefined && !this.#receiver.decoder.isBetweenReplies;
    this.#end(isCut ? new Error('the server closed the connection in the middle of a reply') : cause);
  }

  #answered(request: Request): void {
    this.#hasCapacity = true;
    if (request.error !== WireError.Eshutdown) {
      this.#hasAnswered = true;
    } else {
      if (this.#phase === 'open') this.#phase = 'dismissed';
      if (this.#takesBack && !request.isAbandoned) {
        this.#returned.push(request);
        return;
      }
    }
    if (request.error === 0) this.#journal?.acknowledged(request);
    // An answer may come before the channel has let go of the request, for instance an error about its header.
    if (this.holds(request)) this.#batch.whenDrained(() => conclude(request));
    else conclude(request);
  }

  #awaitReply(): void {
    const { count, payloadBytes } = this.#inFlight;
    if (isNextReplyNear(count, payloadBytes)) this.#busyPoll.quiet();
  }

  #end(cause: Error | undefined): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#established.channel.destroy(cause);
    this.#batch.close();
    this.#events.lost(this, cause);
  }
}
