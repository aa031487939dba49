/**
 * Decides when a request of one client is begun: the requests in flight and their bytes are limited, memory is shared with other
 * clients, and so is time. Requests that cannot begin wait here, in order.
 */
import type { Clock, Defer } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import type { ServerSettings } from '../server-settings.ts';
import type { RequestMemory } from './request-memory.ts';
import type { ServerRequest } from './server-request.ts';

/** Shorter reads and writes are quickly done. */
const longRequestMin = 64 * 1024;
/** One delivery can bring thousands of requests. After so long, other clients have their turn. */
const turnMsMax = 2;

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly nextTurn: Defer;
  readonly limits: Pick<ServerSettings, 'requestsInFlightMax' | 'bytesInFlightMax' | 'unsentBytesMax'>;
  readonly memory: Pick<RequestMemory, 'reserve'>;
  /** The replies that wait for the client. */
  readonly replies: { readonly unsentBytes: number };
  /** Bytes of memory that a request takes while the device works on it. */
  readonly memoryBytesOf: (request: ServerRequest) => number;
  /** Called in a later turn when the time of this turn was used up. */
  readonly onTurn: () => void;
}

export class Admission {
  readonly #clock: Clock;
  readonly #nextTurn: Defer;
  readonly #memory: AdmissionOptions['memory'];
  readonly #replies: AdmissionOptions['replies'];
  readonly #memoryBytesOf: AdmissionOptions['memoryBytesOf'];
  readonly #onTurn: () => void;
  readonly #requestsInFlightMax: number;
  readonly #bytesInFlightMax: number;
  readonly #unsentBytesMax: number;
  readonly #turnTask = (): void => this.#beginNextTurn();
  /** Requests that wait are those from `#head` on; empty when there are none. */
  readonly #queue: ServerRequest[] = [];
  #head = 0;
  #bytesInFlight = 0;
  /** When the requests of this turn were begun with, in milliseconds. */
  #turnStartMs = 0;
  #isTurnScheduled = false;
  /** Requests that were begun and not finished. */
  inFlight = 0;

  constructor(options: AdmissionOptions) {
    const { limits } = options;
    this.#clock = options.clock;
    this.#nextTurn = options.nextTurn;
    this.#memory = options.memory;
    this.#replies = options.replies;
    this.#memoryBytesOf = options.memoryBytesOf;
    this.#onTurn = options.onTurn;
    this.#requestsInFlightMax = limits.requestsInFlightMax;
    this.#bytesInFlightMax = limits.bytesInFlightMax;
    this.#unsentBytesMax = limits.unsentBytesMax;
  }

  get waitingCount(): number {
    return this.#queue.length - this.#head;
  }

  /** Whether no further request should be read. */
  get isFull(): boolean {
    return this.#queue.length > 0 || this.#replies.unsentBytes >= this.#unsentBytesMax;
  }

  startTurn(): void {
    this.#turnStartMs = this.#clock.now();
  }

  /** Returns whether the request is begun now, and counts it if so; otherwise it waits. */
  offer(request: ServerRequest): boolean {
    if (this.#queue.length === 0 && this.#mayBegin(request)) {
      this.#count(request);
      return true;
    }
    this.#queue.push(request);
    return false;
  }

  /** The next request that has waited and is begun now; `undefined` when there is none, or no room for it. */
  next(): ServerRequest | undefined {
    const request = this.#queue[this.#head];
    if (request === undefined || !this.#mayBegin(request)) return undefined;
    this.#head++;
    if (this.#head === this.#queue.length) this.#clear();
    this.#count(request);
    return request;
  }

  /** The reply of a request is written. To be called before its memory is released. */
  finished(request: ServerRequest): void {
    this.inFlight--;
    this.#bytesInFlight -= request.reservedBytes;
  }

  /** Forgets the requests that wait, and returns them. */
  drop(): readonly ServerRequest[] {
    const dropped = this.#queue.slice(this.#head);
    this.#clear();
    return dropped;
  }

  /** @throws Error when the counts contradict each other, which is a fault of the server. */
  assertConsistent(): void {
    if (this.inFlight > 0 || (this.inFlight === 0 && this.#bytesInFlight === 0)) return;
    throw new Error(`${this.inFlight} requests in flight with ${this.#bytesInFlight} bytes`);
  }

  #clear(): void {
    this.#queue.length = 0;
    this.#head = 0;
  }

  #count(request: ServerRequest): void {
    this.inFlight++;
    this.#bytesInFlight += request.reservedBytes;
  }

  #mayBegin(request: ServerRequest): boolean {
    if (this.#replies.unsentBytes >= this.#unsentBytesMax || this.inFlight >= this.#requestsInFlightMax) return false;
    if (!this.#hasTime(request)) return false;
    const byteCount = this.#memoryBytesOf(request);
    if (this.#bytesInFlight > 0 && this.#bytesInFlight + byteCount > this.#bytesInFlightMax) return false;
    return this.#memory.reserve(request, byteCount);
  }

  /** Whether it is still this client's turn: a device that answers at once would otherwise work for one client only. */
  #hasTime(request: ServerRequest): boolean {
    const { type, length, failure } = request;
    const isQuick = (type === Command.Read || type === Command.Write) && length < longRequestMin;
    if (isQuick || failure !== undefined) return true;
    if (this.#clock.now() - this.#turnStartMs < turnMsMax) return true;
    if (!this.#isTurnScheduled) {
      this.#isTurnScheduled = true;
      this.#nextTurn(this.#turnTask);
    }
    return false;
  }

  #beginNextTurn(): void {
    this.#isTurnScheduled = false;
    this.#onTurn();
  }
}
