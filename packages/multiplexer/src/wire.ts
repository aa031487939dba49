/** One negotiated connection: requests out in batches, replies in, each to its owner. */
import type { ByteSink, Established, ExportFacts } from '@nbdjs/interfaces';
import { Command, WireError } from '@nbdjs/protocol';
import { asError, commandError } from './failures.ts';
import { Outbox } from './outbox.ts';
import { Receiver } from './receiver.ts';
import { Request } from './request.ts';
import type { SlotTable } from './slot-table.ts';
import type { WireStatistics } from './statistics.ts';
import type { TransmissionTrace } from './transmission-trace.ts';

export interface WireOptions {
  readonly requestsInFlightMax: number;
  readonly bytesInFlightMax: number;
}

/** What the owner of a wire wants to know. */
export interface WireEvents {
  /** More may be sent: requests have been answered, or the channel has let go of what it was given. */
  room(): void;
  /** The server goes away; everything that was in flight has been answered. */
  dismissed(): void;
  /** The connection is gone. A `ProtocolError` as cause means that the server broke the rules. Told once. */
  lost(cause: Error | undefined): void;
}

export class Wire implements ByteSink {
  readonly facts: ExportFacts;
  /** Settles when the channel has released everything. */
  readonly closed: Promise<unknown>;
  readonly #established: Established;
  readonly #slots: SlotTable;
  readonly #statistics: WireStatistics;
  readonly #trace: TransmissionTrace;
  readonly #options: WireOptions;
  readonly #events: WireEvents;
  readonly #outbox: Outbox;
  readonly #receiver: Receiver;
  #bytesInFlight = 0;
  #hasRoom = false;
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

  /** The slots hold what is in flight on this connection alone. */
  constructor(
    established: Established,
    slots: SlotTable,
    statistics: WireStatistics,
    trace: TransmissionTrace,
    options: WireOptions,
    events: WireEvents,
  ) {
    const { channel, facts } = established;
    this.facts = facts;
    this.closed = channel.closed;
    this.#established = established;
    this.#slots = slots;
    this.#statistics = statistics;
    this.#trace = trace;
    this.#options = options;
    this.#events = events;
    this.#outbox = new Outbox(channel, facts.mode === 'extended');
    this.#receiver = new Receiver(facts.mode, slots, statistics, trace, (request) => this.#answered(request));
  }

  /** Begins to receive, with the bytes that came behind the handshake. */
  start(): void {
    const { channel, excess } = this.#established;
    this.#statistics.connections++;
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
    return this.#outbox.isHeld || this.#isDismissed || this.#isParting || this.#isOver;
  }

  /** Whether a request may go out within the limits. One that is larger than all limits goes alone. */
  canTake(request: Request): boolean {
    if (this.#slots.count === 0) return true;
    const { requestsInFlightMax, bytesInFlightMax } = this.#options;
    return this.#slots.count < requestsInFlightMax && this.#bytesInFlight + request.payloadBytes <= bytesInFlightMax;
  }

  /** Puts a request into the batch that leaves with the next `send`. */
  issue(request: Request): void {
    request.details?.prepare?.(this.facts);
    this.#slots.put(request);
    this.#bytesInFlight += request.payloadBytes;
    this.#statistics.requestsSent++;
    this.#outbox.add(request);
    if (this.#trace.isOn) this.#trace.request(request);
  }

  send(): void {
    this.#statistics.bytesSent += this.#outbox.send();
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
    if (this.#outbox.isLent(request)) this.#outbox.whenDrained(() => request.reject(reason));
    else request.reject(reason);
  }

  /** C46, C47: tells the server that nothing will follow, and ends our direction. Nothing may be in flight. */
  farewell(): void {
    const request = new Request(Command.Disconnect, 0, 0, 0, 0, 0, undefined);
    // The slot only lends a cookie: this request is never answered.
    this.#slots.put(request);
    this.#outbox.add(request);
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

  writable(): Uint8Array {
    return this.#receiver.decoder.writable();
  }

  advance(byteCount: number): void {
    if (this.#isOver || this.#isParting) return;
    this.#statistics.bytesReceived += byteCount;
    this.deliveryCount = (this.deliveryCount + 1) & 0x3fffffff;
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
    this.#outbox.drained();
    if (!this.#isParting) this.#events.room();
  }

  ended(cause?: Error): void {
    const isCut = cause === undefined && !this.#receiver.decoder.isBetweenReplies;
    this.#over(isCut ? new Error('the server closed the connection in the middle of a reply') : cause);
  }

  #answered(request: Request): void {
    this.#bytesInFlight -= request.payloadBytes;
    this.#hasRoom = true;
    if (request.error === WireError.Eshutdown) this.#isDismissed = true;
    // An answer may come before the channel has let go of what it answers; a hasty error for instance.
    if (request.batch !== 0 && this.#outbox.isLent(request)) this.#outbox.whenDrained(() => conclude(request));
    else conclude(request);
  }

  #over(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#established.channel.destroy(cause);
    this.#outbox.close();
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
