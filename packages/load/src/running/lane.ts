/** One of the requests that may be in flight, with its memory. */

import { Random } from '../generation/random.ts';
import type { RequestKind } from '../generation/request-kind.ts';
import type { PlannedRequest } from '../generation/request-plan.ts';
import type { LoadSettings } from '../settings.ts';

export class Lane implements PlannedRequest {
  kind: RequestKind = 'read';
  offset = 0;
  length = 0;
  isInFlight = false;
  readonly #memory: Uint8Array;
  #view: Uint8Array;

  constructor({ largest, readShare, seed, verify }: LoadSettings, index: number) {
    this.#memory = new Uint8Array(largest);
    this.#view = this.#memory;
    // Zeroes would cost some devices less than other bytes.
    if (readShare < 1 && !verify) fillRandomly(this.#memory, new Random(seed + index));
  }

  /** The memory of the request. */
  get bytes(): Uint8Array {
    return this.part(this.length);
  }

  part(length: number): Uint8Array {
    if (this.#view.length !== length) this.#view = this.#memory.subarray(0, length);
    return this.#view;
  }

  /** Whether a request of another one must not be in flight at the same time: a check could not say what has to be there. */
  conflictsWith(other: Lane): boolean {
    if (!this.isInFlight || (this.kind === 'read' && other.kind === 'read')) return false;
    return this.offset < other.offset + other.length && other.offset < this.offset + this.length;
  }
}

function fillRandomly(memory: Uint8Array, random: Random): void {
  for (let index = 0; index < memory.length; index += 4) {
    const word = random.word();
    for (let byte = 0; byte < 4 && index + byte < memory.length; byte++) memory[index + byte] = word >>> (8 * byte);
  }
}
