/** Several addresses of one host, raced against each other (RFC 8305, section 5). */
import type { Cancel, Clock } from '@nbdjs/interfaces';

/** What became of one address; no error: it has not answered, one way or the other. */
export interface AddressOutcome<Address> {
  readonly address: Address;
  readonly error: Error | undefined;
}

/** None of the addresses could be connected to, or none in time. */
export class RaceLost<Address> extends Error {
  readonly outcomes: readonly AddressOutcome<Address>[];

  constructor(outcomes: readonly AddressOutcome<Address>[]) {
    super('no address could be connected to');
    this.outcomes = outcomes;
  }
}

export interface RaceOptions {
  /** The next address joins in when the one before has not answered for so long, in milliseconds, or has failed. */
  readonly nextMs: number;
  readonly clock: Clock;
  /** Calls the race off. */
  readonly signal: AbortSignal;
}

/**
 * Begins with the first address, has the others join in one by one, and gives what the first of them to succeed gives. An attempt
 * that is merely slow goes on beside the later ones. Whatever has not won is called off by its signal.
 *
 * @throws RaceLost when all have failed, or when the race was called off: it tells of those that were silent until then.
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
