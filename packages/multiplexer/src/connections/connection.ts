/** One negotiated connection: requests out in batches, replies in, each to its owner. */
import type { ByteSink, Clock, Established, ExportFacts } from '@nbdjs/interfaces';
import { Command, WireError } from '@nbdjs/protocol';
import type { Journal } from '../durability/journal.ts';
import { asError, commandError } from '../errors.ts';
import { LenientReplyReceiver } from '../replies/lenient-reply-receiver.ts';
import type { ReplyLimits } from '../replies/reply-limits.ts';
import { ReplyReceiver } from '../replies/reply-receiver.ts';
import { type CookieSequence, InFlightTable, oldestFirst } from '../requests/in-flight-table.ts';
import { Request } from '../requests/request.ts';
import { WriteBatch } from '../sending/write-batch.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';

export interface ConnectionOptions {
  readonly requestsInFlightMax: number;
  readonly bytesInFlightMax: number;
  readonly limits: ReplyLimits;
  /** A malformed reply fails its request, and not the connection, where that can be. */
  readonly lenientReplies: boolean;
  /** Requests that are refused because the server goes away are kept for the next connection. */
  readonly takesBack: boolean;
  /** Set where it matters when something was last heard. */
  readonly clock: Clock | undefined;
}

/** What all connections of a device have in common. */
export interface ConnectionContext {
  readonly options: ConnectionOptions;
  readonly cookies: CookieSequence;
  readonly statistics: MutableStatistics;
  readonly trace: TransmissionTrace;
  /** Where what the server acknowledges is remembered; known with the first connection. */
  journal: Journal | undefined;
}

/** What the owner of a wire wants to know. */
export interface ConnectionEvents {
  /** More may be sent: requests have been answered, or the channel has let go of what it was given. */
  room(): void;
  /** The server goes away; everything that was in flight has been answered. */
  dismissed(): void;
  /** The connection is gone. A `ProtocolError` as cause means that the server broke the rules. Told once. */
  lost(cause: Error | undefined): void;
}

export class Connection implements ByteSink {
  readonly facts: ExportFacts;
  /** Settles when the channel has released everything. */
  readonly closed: Promise<unknown>;
  readonly #established: Established;
  readonly #slots: InFlightTable;
  readonly #commons: ConnectionContext;
  readonly #statistics: MutableStatistics;
  readonly #trace: TransmissionTrace;
  readonly #options: ConnectionOptions;
  readonly #journal: Journal | undefined;
  readonly #events: ConnectionEvents;
  readonly #batch: WriteBatch;
  readonly #receiver: ReplyReceiver;
  #bytesInFlight = 0;
  /** Requests that the server, going away, has sent back. */
  #returned: Request[] = [];
  #hasRoom = false;
  #hasAnswered = false;
  #heardMs = 0;
  /** C58: the server said that it goes away. */
  #isDismissed = false;
  /** We have said good-bye: whatever still comes is none of ours. */
  #isParting = false;
  /** Tells one delivery from the next; starts over now and then. */
  deliveryCount = 0;
  #isDelivering = false;
  /** What ended the wire within a delivery, to take effect at its end. */
  #fatal: { readonly cause: Error | undefined } | undefined;
  #isOver = false;

  constructor(established: Established, commons: ConnectionContext, events: ConnectionEvents) {
    const { channel, facts } = established;
    const { statistics, trace } = commons;
    this.facts = facts;
    this.closed = channel.closed;
    this.#established = established;
    this.#slots = new InFlightTable(commons.cookies);
    this.#commons = commons;
    this.#statistics = statistics;
    this.#trace = trace;
    this.#options = commons.options;
    this.#journal = commons.journal;
    this.#events = events;
    this.#batch = new WriteBatch(channel, facts.mode === 'extended');
    const answered = (request: Request): void => this.#answered(request);
    const { limits, lenientReplies } = commons.options;
    const receive = lenientReplies ? LenientReplyReceiver : ReplyReceiver;
    this.#receiver = new receive(facts.mode, limits, this.#slots, statistics, trace, answered);
  }

  /** Requests in flight. */
  get count(): number {
    return this.#slots.count;
  }

  /** Payload bytes in flight. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Whether it was worth having: the server has done something for it, or nothing was asked. */
  get wasOfUse(): boolean {
    return this.#hasAnswered || (this.#slots.count === 0 && this.#returned.length === 0);
  }

  /** Whether the server owes us an answer, or the taking of what we send. */
  get owes(): boolean {
    return this.#slots.count > 0 || this.#batch.isHeld;
  }

  /** When the server was heard last, or began to owe us something, in milliseconds of the clock. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Everything that was given to this connection and is not over, oldest first. */
  requests(): readonly Request[] {
    return oldestFirst([...this.#slots.all(), ...this.#returned], this.#commons.cookies);
  }

  /** Whether a request is in flight here. */
  owns(request: Request): boolean {
    return this.#slots.find(request.cookieHigh, request.slot) === request;
  }

  /** Takes back everything that is not over, oldest first. The connection must be at its end. */
  takeBack(): readonly Request[] {
    const requests = this.requests();
    this.#slots.clear();
    this.#returned = [];
    return requests;
  }

  /** Forgets one that the server has sent back and that has lost its patience; tells whether it was there. */
  forgetReturned(request: Request): boolean {
    const index = this.#returned.indexOf(request);
    if (index >= 0) this.#returned.splice(index, 1);
    return index >= 0;
  }

  /** Begins to receive, with the bytes that came behind the handshake. */
  start(): void {
    const { channel, excess } = this.#established;
    this.#statistics.connections++;
    if (this.#options.clock !== undefined) this.#heardMs = this.#options.clock.now();
    channel.open(this);
    for (let position = 0; position < excess.length && !this.#isOver; ) {
      const target = this.writable();
      const byteCount = Math.min(target.length, excess.length - position);
      target.set(excess.subarray(position, position + byteCount));
      position += byteCount;
      this.advance(byteCount);
    }
  }

  /** Whether nothing may be sent for the time being, whatever it is. */
  get isBlocked(): boolean {
    return this.#batch.isHeld || this.#isDismissed || this.#isParting || this.#isOver;
  }

  /** Whether a request may go out within the limits. One that is larger than all limits goes alone. */
  canTake(request: Request): boolean {
    if (this.#slots.count === 0) return true;
    const { requestsInFlightMax, bytesInFlightMax } = this.#options;
    return this.#slots.count < requestsInFlightMax && this.#bytesInFlight + request.payloadBytes <= bytesInFlightMax;
  }

  /** Puts a request into the batch that leaves with the next `send`. */
  issue(request: Request): void {
    const { details } = request;
    if (details !== undefined) details.prepare?.(this.facts);
    if (this.#options.clock !== undefined && this.#slots.count === 0) this.#heardMs = this.#options.clock.now();
    this.#slots.put(request);
    if (this.#journal !== undefined && request.command === Command.Flush) {
      request.detailed().mark = this.#journal.mark();
    }
    this.#bytesInFlight += request.payloadBytes;
    this.#statistics.requestsSent++;
    this.#batch.add(request);
    if (this.#trace.isOn) this.#trace.request(request);
  }

  send(): void {
    this.#statistics.bytesSent += this.#batch.send();
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

  /** C46, C47: tells the server that nothing will follow, and ends our direction. Nothing may be in flight. */
  farewell(): void {
    const request = new Request(Command.Disconnect, 0, 0, 0, 0, 0, undefined);
    // The slot only lends a cookie: this request is never answered.
    this.#slots.put(request);
    this.#batch.add(request);
    this.#slots.remove(request);
    this.#statistics.requestsSent++;
    this.send();
    this.#isParting = true;
    this.#established.channel.end();
  }

  /** Ends a connection that was never started: in order all the same, because nobody has broken a rule (G4). */
  decline(): void {
    this.#established.channel.open(this);
    this.farewell();
  }

  /** Ends the connection now; within a delivery, at its end. */
  destroy(cause?: Error): void {
    if (this.#isDelivering) this.#fatal ??= { cause };
    else this.#over(cause);
  }

  // ByteSink

  get missing(): number {
    return this.#receiver.decoder.missing;
  }

  writable(): Uint8Array {
    return this.#receiver.decoder.writable();
  }

  advance(byteCount: number): void {
    if (this.#isOver || this.#isParting) return;
    this.#statistics.bytesReceived += byteCount;
    this.deliveryCount = (this.deliveryCount + 1) & 0x3fffffff;
    if (this.#options.clock !== undefined) this.#heardMs = this.#options.clock.now();
    this.#trace.look();
    this.#isDelivering = true;
    try {
      this.#receiver.decoder.advance(byteCount);
    } catch (error) {
      this.#fatal ??= { cause: asError(error) };
    }
    this.#isDelivering = false;
    if (this.#fatal !== undefined) {
      this.#over(this.#fatal.cause);
      return;
    }
    if (!this.#hasRoom) return;
    this.#hasRoom = false;
    if (this.#isDismissed && this.#slots.count === 0) this.#events.dismissed();
    else this.#events.room();
  }

  drained(): void {
    if (this.#isOver) return;
    this.#batch.drained();
    if (!this.#isParting) this.#events.room();
  }

  ended(cause?: Error): void {
    const isCut = cause === undefined && !this.#receiver.decoder.isBetweenReplies;
    this.#over(isCut ? new Error('the server closed the connection in the middle of a reply') : cause);
  }

  #answered(request: Request): void {
    this.#bytesInFlight -= request.payloadBytes;
    this.#hasRoom = true;
    if (request.error !== WireError.Eshutdown) {
      this.#hasAnswered = true;
    } else {
      this.#isDismissed = true;
      if (this.#options.takesBack && !request.isAbandoned) {
        this.#returned.push(request);
        return;
      }
    }
    if (this.#journal !== undefined && request.error === 0) this.#note(request, this.#journal);
    // An answer may come before the channel has let go of what it answers; a hasty error for instance.
    if (this.holds(request)) this.#batch.whenDrained(() => conclude(request));
    else conclude(request);
  }

  /** Whoever has taken his memory back may have changed it, and relies on nothing; our own requests are noted already. */
  #note(request: Request, journal: Journal): void {
    const { details } = request;
    if (request.isWriting) {
      if (!request.isAbandoned && details?.onLost === undefined) journal.remember(request);
    } else if (details?.mark !== undefined) {
      journal.flushed(details.mark);
    }
  }

  #over(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#established.channel.destroy(cause);
    this.#batch.close();
    this.#events.lost(cause);
  }
}

/** Tells the caller how it went, unless it has gone. */
function conclude(request: Request): void {
  if (request.details !== undefined) request.finish();
  if (request.isAbandoned) return;
  if (request.error !== 0) request.reject(commandError(request));
  else if (request.details?.callbackFailure !== undefined) request.reject(request.details.callbackFailure.error);
  else request.resolve();
}
