/** Several addresses of one host, raced against each other (RFC 8305, section 5). */
import type { Cancel, Clock } from '@nbdjs/interfaces';

/** The outcome of one address. `error` is `undefined` when it has not answered at all. */
export interface AddressOutcome<Address> {
  readonly address: Address;
  readonly error: Error | undefined;
}

/** No address could be connected to, or none in time. */
export class RaceLost<Address> extends Error {
  readonly outcomes: readonly AddressOutcome<Address>[];

  constructor(outcomes: readonly AddressOutcome<Address>[]) {
    super('no address could be connected to');
    this.outcomes = outcomes;
  }
}

export interface RaceOptions {
  /** The next address joins in when the one before has failed, or has not answered for this long, in milliseconds. */
  readonly nextMs: number;
  readonly clock: Clock;
  /** Ends the race. */
  readonly signal: AbortSignal;
}

/**
 * Begins with the first address, lets the others join in one by one, and resolves to the result of the first that succeeds. A slow
 * attempt goes on beside the later ones. The signals of all attempts that have not won are aborted.
 *
 * @throws RaceLost when all have failed, or when the race was ended: its outcomes have the addresses without an answer.
 */
export function raceAddresses<Address, Won>(
  addresses: readonly Address[],
  begin: (address: Address, signal: AbortSignal) => Promise<Won>,
  { nextMs, clock, signal }: RaceOptions,
): Promise<Won> {
  return new Promise((resolve, reject) => {
    const errors = new Map<Address, Error | undefined>();
    const losers = new AbortController();
    let cancelNext: Cancel = () => {};
    let runningCount = 0;
    const finish = (): void => {
      cancelNext();
      signal.removeEventListener('abort', lose);
      losers.abort();
    };
    const lose = (): void => {
      finish();
      reject(new RaceLost([...errors].map(([address, error]) => ({ address, error }))));
    };
    const join = (): void => {
      cancelNext();
      const address = addresses[errors.size];
      if (address === undefined) {
        if (runningCount === 0) lose();
        return;
      }
      errors.set(address, undefined);
      runningCount++;
      if (errors.size < addresses.length) cancelNext = clock.schedule(nextMs, join);
      begin(address, losers.signal).then(
        (won) => {
          finish();
          resolve(won);
        },
        (error: Error) => {
          if (losers.signal.aborted) return;
          runningCount--;
          errors.set(address, error);
          join();
        },
      );
    };
    if (signal.aborted) {
      lose();
      return;
    }
    signal.addEventListener('abort', lose, { once: true });
    join();
  });
}
