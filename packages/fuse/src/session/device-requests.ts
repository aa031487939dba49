/** Requests that the device carries out: their replies, their memory, and how much of it is in use. */
import type { Clock } from '@nbdjs/interfaces';
import { errnoOf } from '../errno.ts';
import { Errno, type ErrorNumber } from '../protocol/numbers.ts';
import { bytesInFlightMax } from './limits.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

/** What the device is to do for a request. */
export interface DeviceRequest {
  readonly unique: number;
  /** For how much memory it stands while it is under way. */
  readonly byteCount: number;
  /** It changes nothing, so that its caller need not wait for its end. */
  readonly isHarmless: boolean;
  act(): void | Promise<void>;
  /** It is done. */
  reply(): void;
  /** The device does not use the request's memory any more. */
  release?(): void;
}

export interface DeviceRequestsParts {
  readonly clock: Clock;
  /** Answers a request by an error. */
  readonly fail: (unique: number, errorNumber: ErrorNumber) => void;
  /** The kernel is to send no more, or to go on. */
  readonly pause: () => void;
  readonly resume: () => void;
}

export class DeviceRequests {
  readonly #parts: DeviceRequestsParts;
  readonly #inFlight: RequestsInFlight;
  #byteCount = 0;
  #isPaused = false;

  constructor(parts: DeviceRequestsParts) {
    this.#parts = parts;
    this.#inFlight = new RequestsInFlight(parts.clock, (unique) => parts.fail(unique, Errno.EINTR));
  }

  /** Has the device do it, and replies when that is done, or has failed. Most devices answer later, some at once. */
  run(request: DeviceRequest): void {
    const { unique } = request;
    let working: ReturnType<DeviceRequest['act']>;
    try {
      working = request.act();
    } catch (error) {
      this.#parts.fail(unique, errnoOf(error));
      request.release?.();
      return;
    }
    if (working === undefined) {
      request.reply();
      request.release?.();
      return;
    }
    this.#inFlight.add(unique, request.isHarmless);
    this.#count(request.byteCount);
    working.then(
      () => {
        if (this.#inFlight.remove(unique)) request.reply();
        this.#end(request);
      },
      (error: unknown) => {
        if (this.#inFlight.remove(unique)) this.#parts.fail(unique, errnoOf(error));
        this.#end(request);
      },
    );
  }

  interrupt(unique: number): void {
    this.#inFlight.interrupt(unique);
  }

  /** No reply is due any more. */
  abandonAll(): void {
    this.#inFlight.abandonAll();
  }

  #end(request: DeviceRequest): void {
    request.release?.();
    this.#count(-request.byteCount);
  }

  /** The kernel has no limit for requests that processes wait for. */
  #count(byteCount: number): void {
    this.#byteCount += byteCount;
    if (!this.#isPaused && this.#byteCount > bytesInFlightMax) {
      this.#isPaused = true;
      this.#parts.pause();
    } else if (this.#isPaused && this.#byteCount <= bytesInFlightMax / 2) {
      this.#isPaused = false;
      this.#parts.resume();
    }
  }
}
