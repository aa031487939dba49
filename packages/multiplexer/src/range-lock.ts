/**
 * Keeps writes apart where one of them has to read first. Only devices with a minimum block size above 1 need it.
 */

interface Claim {
  readonly start: bigint;
  readonly end: bigint;
  readonly exclusive: boolean;
  /** Gives the claim its turn. */
  grant: () => void;
  isGranted: boolean;
}

/** Ranges that are being written. Claims are granted in order, each as soon as none before it is in its way. */
export class RangeLock {
  #claims: Claim[] = [];

  /** Waits for the range; the answer gives it back. Shared claims do not keep each other waiting. */
  async acquire(start: bigint, end: bigint, exclusive: boolean): Promise<() => void> {
    const claim: Claim = { start, end, exclusive, isGranted: false, grant: () => {} };
    this.#claims.push(claim);
    const granted = new Promise<void>((resolve) => {
      claim.grant = resolve;
    });
    this.#grant();
    await granted;
    return () => {
      this.#claims.splice(this.#claims.indexOf(claim), 1);
      this.#grant();
    };
  }

  #grant(): void {
    this.#claims.forEach((claim, index) => {
      if (claim.isGranted || this.#claims.slice(0, index).some((earlier) => conflict(earlier, claim))) return;
      claim.isGranted = true;
      claim.grant();
    });
  }
}

function conflict(one: Claim, other: Claim): boolean {
  return (one.exclusive || other.exclusive) && one.start < other.end && other.start < one.end;
}
