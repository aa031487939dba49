/**
 * Keeps writes apart where one of them has to read first. Only devices with a minimum block size above 1 need it. While no
 * such write is under way, other writes do not wait.
 */
import { listenForAbort, stopListeningForAbort } from '../async/abort-listening.ts';

interface Claim {
  readonly start: bigint;
  readonly end: bigint;
  /** The owner reads first, and no other write may come between. */
  readonly isExclusive: boolean;
  isGranted: boolean;
  grant(): void;
}

/** Ranges that are being written. Claims are granted in order, each as soon as it conflicts with no earlier one. */
export class RangeLock {
  readonly #claims: Claim[] = [];
  #exclusiveCount = 0;

  /** No exclusive claim is held or waiting, so that other writes need no claim. */
  get isFree(): boolean {
    return this.#exclusiveCount === 0;
  }

  /**
   * Waits for a range, and returns the function that releases it. Claims that are not exclusive do not conflict.
   *
   * @throws the signal's reason.
   */
  async acquire(start: bigint, end: bigint, isExclusive: boolean, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const claim: Claim = { start, end, isExclusive, isGranted: false, grant() {} };
    const release = (): void => this.#release(claim);
    if (isExclusive) this.#exclusiveCount++;
    if (!this.#claims.some((earlier) => conflict(earlier, claim))) {
      claim.isGranted = true;
      this.#claims.push(claim);
      return release;
    }
    this.#claims.push(claim);
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        release();
        reject(signal?.reason);
      };
      claim.grant = () => {
        if (signal !== undefined) stopListeningForAbort(signal, onAbort);
        resolve();
      };
      if (signal !== undefined) listenForAbort(signal, onAbort);
    });
    return release;
  }

  #release(claim: Claim): void {
    const claims = this.#claims;
    const index = claims.indexOf(claim);
    claims.splice(index, 1);
    if (claim.isExclusive) this.#exclusiveCount--;
    // Only claims after it can have waited for it.
    for (let position = index; position < claims.length; position++) {
      const waiting = claims[position] as Claim;
      if (!waiting.isGranted && conflict(claim, waiting) && this.#isFirst(waiting, position)) {
        waiting.isGranted = true;
        waiting.grant();
      }
    }
  }

  #isFirst(claim: Claim, position: number): boolean {
    for (let earlier = 0; earlier < position; earlier++) {
      if (conflict(this.#claims[earlier] as Claim, claim)) return false;
    }
    return true;
  }
}

function conflict(one: Claim, other: Claim): boolean {
  return (one.isExclusive || other.isExclusive) && one.start < other.end && other.start < one.end;
}
