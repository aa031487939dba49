/** Requests that a device is working on, and callers that were interrupted. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import { interruptedMs } from './limits.ts';

interface InFlight {
  readonly isHarmless: boolean;
  /** Runs from the interrupt on. */
  cancel?: Cancel;
}

/**
 * A process that is interrupted waits for its request all the same, and cannot even be killed. Many interrupts are harmless, such as the timers
 * of a program, which must not see a read fail. So a request has some more time, and then fails with EINTR. One that changes
 * something goes on: nobody could know what became of it, and it might overtake the next one.
 */
export class RequestsInFlight {
  readonly #clock: Clock;
  readonly #giveUp: (unique: number) => void;
  readonly #requests = new Map<number, InFlight>();

  /** `giveUp` answers a request whose time is up. */
  constructor(clock: Clock, giveUp: (unique: number) => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
  }

  add(unique: number, isHarmless: boolean): void {
    this.#requests.set(unique, { isHarmless });
  }

  /** The device has done it. Returns whether a reply is still due. */
  remove(unique: number): boolean {
    const request = this.#requests.get(unique);
    request?.cancel?.();
    return this.#requests.delete(unique);
  }

  interrupt(unique: number): void {
    const request = this.#requests.get(unique);
    if (request === undefined || !request.isHarmless || request.cancel !== undefined) return;
    request.cancel = this.#clock.schedule(interruptedMs, () => {
      this.#requests.delete(unique);
      this.#giveUp(unique);
    });
  }

  /** No reply is due any more. */
  abandonAll(): void {
    for (const { cancel } of this.#requests.values()) cancel?.();
    this.#requests.clear();
  }
}
