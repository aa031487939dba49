/** Takes requests in: from a header to a request whose payload, if it has one, has landed where it is needed. */
import type { BlockDevice, Trace } from '@nbdjs/interfaces';
import {
  Command,
  CommandFlag,
  deferPayload,
  type RequestHandler,
  type RequestHeader,
  WireError,
} from '@nbdjs/protocol';
import type { ServerEvents } from '../events.ts';
import { deviceFailure } from './failure.ts';
import type { Phase } from './phase.ts';
import type { RequestMemory } from './request-memory.ts';
import type { RequestValidator } from './request-validator.ts';
import { ServerRequest } from './server-request.ts';

/** What takes the requests over. */
export interface RequestTaker {
  readonly phase: Phase;
  /** A request is complete and checked. */
  accept(request: ServerRequest): void;
  /** A payload waits for memory: nothing more should be read. */
  noteFull(): void;
}

export class RequestIntake implements RequestHandler {
  readonly #device: BlockDevice;
  readonly #validator: RequestValidator;
  readonly #memory: RequestMemory;
  readonly #trace: Trace<ServerEvents>;
  readonly #taker: RequestTaker;
  /** The request whose payload arrives. */
  #incoming: ServerRequest | undefined;
  /** Headers so far. */
  requestCount = 0;
  /** Whether there is no memory for the payload that arrives next. */
  awaitsMemory = false;

  constructor(
    device: BlockDevice,
    validator: RequestValidator,
    memory: RequestMemory,
    trace: Trace<ServerEvents>,
    taker: RequestTaker,
  ) {
    this.#device = device;
    this.#validator = validator;
    this.#memory = memory;
    this.#trace = trace;
    this.#taker = taker;
  }

  request(header: RequestHeader, payloadBytes: number): Uint8Array | undefined | typeof deferPayload {
    this.requestCount++;
    const request = new ServerRequest(header, payloadBytes);
    if (payloadBytes === 0) {
      this.#complete(request);
      return undefined;
    }
    this.#incoming = request;
    if (!this.#taker.phase.hears || !this.#validator.wantsPayload(request)) return undefined;
    if (request.type === Command.Write) {
      const place = this.#placeOf(request);
      if (place !== undefined || request.failure !== undefined) return place;
    }
    if (this.#memory.reservePayload(request)) return this.#memory.allocate(request);
    this.awaitsMemory = true;
    this.#taker.noteFull();
    return deferPayload;
  }

  payload(): void {
    const request = this.#incoming;
    this.#incoming = undefined;
    if (request !== undefined) this.#complete(request);
  }

  /** Memory for the payload that waits for it; `undefined` while there is none, or none waits. */
  resumePayload(): Uint8Array | undefined {
    const request = this.#incoming;
    if (!this.awaitsMemory || request === undefined || !this.#memory.reservePayload(request)) return undefined;
    this.awaitsMemory = false;
    return this.#memory.allocate(request);
  }

  /** The client is gone: the payload under way is forgotten. */
  drop(): void {
    if (this.#incoming !== undefined) this.#memory.release(this.#incoming);
  }

  /** Where the device stores a write's bytes, if they can land there without a copy. */
  #placeOf(request: ServerRequest): Uint8Array | undefined {
    // A write that is refused must not have taken effect.
    const { memory } = this.#device;
    if (memory?.writableView === undefined || !this.#taker.phase.serves) return undefined;
    try {
      const place = memory.writableView(request.offset, request.payloadBytes);
      request.isStored = place !== undefined;
      return place;
    } catch (error) {
      request.failure = deviceFailure(request, error, this.#trace);
      return undefined;
    }
  }

  #complete(request: ServerRequest): void {
    const { phase } = this.#taker;
    if (!phase.hears) {
      this.#memory.release(request);
      return;
    }
    if (request.type !== Command.Disconnect) this.#check(request, phase);
    this.#taker.accept(request);
  }

  #check(request: ServerRequest, phase: Phase): void {
    if (!phase.serves && !request.isStored) {
      request.failure = { error: WireError.Eshutdown, text: 'the server is shutting down' };
    } else if (
      request.payloadBytes > 0 &&
      request.type === Command.BlockStatus &&
      request.has(CommandFlag.PayloadLen)
    ) {
      request.failure = this.#validator.faultOfFiltered(request);
      this.#memory.freeBuffer(request);
    } else if (request.type !== Command.Write || request.payloadBytes === 0) {
      // A write with a payload was checked before that arrived.
      request.failure = this.#validator.faultOf(request);
    }
  }
}
