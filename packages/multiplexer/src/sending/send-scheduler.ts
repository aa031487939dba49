/** When the requests that wait leave: together, in one write for each connection, as far as the limits allow. */
import type { Defer } from '@nbdjs/interfaces';
import type { ConnectionSet } from '../connections/connection-set.ts';
import type { Reconnector } from '../connections/reconnector.ts';
import type { Recovery } from '../durability/recovery.ts';
import type { UnflushedWrites } from '../durability/unflushed-writes.ts';
import type { RequestQueue } from '../requests/request-queue.ts';
import type { MultiplexerSettings } from '../settings.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';
import { gatherInFlightMin, longPayloadMin } from './traffic.ts';

/** When this number has gathered, they leave. Measured: to wait for more leaves the server idle. */
const gatherMax = 8;

/** What the scheduler works on. */
export interface SendParts {
  readonly queue: RequestQueue;
  readonly connections: ConnectionSet;
  readonly reconnector: Reconnector;
  readonly unflushed: UnflushedWrites;
  readonly recovery: Recovery;
  readonly trace: TransmissionTrace;
}

export class SendScheduler {
  readonly #defer: Defer;
  readonly #nextTurn: Defer | undefined;
  readonly #queue: RequestQueue;
  readonly #connections: ConnectionSet;
  readonly #reconnector: Reconnector;
  readonly #unflushed: UnflushedWrites;
  readonly #recovery: Recovery;
  readonly #trace: TransmissionTrace;
  readonly #sendTask = (): void => this.#send();
  readonly #sendOrGatherTask = (): void => this.#sendOrGather();
  readonly #gatherTask = (): void => this.#gather();
  #isScheduled = false;
  /** Deliveries that had come when it was last looked whether more do. */
  #deliveriesSeen = 0;

  constructor({ defer, nextTurn }: MultiplexerSettings, parts: SendParts) {
    this.#defer = defer;
    this.#nextTurn = nextTurn;
    this.#queue = parts.queue;
    this.#connections = parts.connections;
    this.#reconnector = parts.reconnector;
    this.#unflushed = parts.unflushed;
    this.#recovery = parts.recovery;
    this.#trace = parts.trace;
  }

  /** Sends what waits when the code that is running, and all that this code wakes, has run. */
  schedule(): void {
    if (this.#isScheduled || this.#queue.isEmpty) return;
    this.#isScheduled = true;
    const { first } = this.#queue;
    // Sending much takes long. What has arrived, on other connections too, is taken in first, so that no peer has to wait
    // meanwhile for room to send in.
    const isLong = first?.isSending === true && first.payloadBytes >= longPayloadMin;
    if (isLong && this.#nextTurn !== undefined) this.#nextTurn(this.#sendTask);
    else this.#defer(this.#sendOrGatherTask);
  }

  /**
   * While replies stream in, the requests that several deliveries wake leave in one write: that costs both sides less, and the
   * server has others to work on. As soon as nothing more has come, they leave. Long ones never wait: a server must not be short of
   * them, and several at a time stand in each other's way there.
   */
  #sendOrGather(): void {
    // The turn that comes first still belongs to the last delivery, so what it finds says nothing.
    this.#deliveriesSeen = -1;
    if (this.#mayGather()) this.#nextTurn?.(this.#gatherTask);
    else this.#send();
  }

  #gather(): void {
    const deliveries = this.#connections.deliveryCount;
    const hasMoreCome = deliveries !== this.#deliveriesSeen;
    this.#deliveriesSeen = deliveries;
    if (hasMoreCome && this.#mayGather()) this.#nextTurn?.(this.#gatherTask);
    else this.#send();
  }

  #mayGather(): boolean {
    const { count, first } = this.#queue;
    if (this.#nextTurn === undefined || first === undefined) return false;
    if (first.payloadBytes >= longPayloadMin) return false;
    return this.#connections.inFlight >= gatherInFlightMin && count < gatherMax;
  }

  #send(): void {
    this.#isScheduled = false;
    const connections = this.#connections;
    if (connections.isEmpty || this.#recovery.isReplaying) return;
    this.#trace.look();
    const queue = this.#queue;
    const unflushed = this.#unflushed;
    if (unflushed.flushesInTime) this.#flushInTime();
    for (let request = queue.first; request !== undefined; request = queue.first) {
      if (unflushed.holdsBack(request)) break;
      const connection = connections.choose(request);
      if (connection === undefined) break;
      queue.shift();
      connection.issue(request);
    }
    connections.send();
    if (this.#reconnector.isShort) this.#reconnector.requestConnection();
  }

  #flushInTime(): void {
    const connection = this.#connections.active.find(({ isBlocked }) => !isBlocked);
    const flush = connection === undefined ? undefined : this.#unflushed.dueFlush();
    if (flush !== undefined) connection?.issue(flush);
  }
}
