/** What is done so that no acknowledged write is lost unnoticed: the journal, and what follows from it. */
import { isLoss, LossLog, writesLostError } from '@nbdjs/kit';
import { Command } from '@nbdjs/protocol';
import { asError } from '../errors.ts';
import { type Request, requestOf } from '../requests/request.ts';
import { Journal } from './journal.ts';

export interface JournalOptions {
  /** Payload that is remembered, in bytes. @default 64 MiB */
  readonly bytesMax?: number | undefined;
  /** Requests that are remembered. @default 65536 */
  readonly requestsMax?: number | undefined;
  /**
   * When more is written between two flushes than is remembered: `give-up` goes on without, and if the server is lost then, the
   * next flush fails with a `WritesLostError`. `flush` has the server flush in time, and writes wait for that where they must.
   * @default 'give-up'
   */
  readonly whenFull?: 'give-up' | 'flush' | undefined;
}

const bytesMaxDefault = 64 * 2 ** 20;
const requestsMaxDefault = 65_536;

/** A FLUSH of our own leaves when the journal is half full, so that writes need not wait for it. */
const flushFill = 1 / 2;

export class UnflushedWrites {
  readonly journal: Journal;
  /** What was lost, for whoever shares the device. */
  readonly losses = new LossLog();
  readonly #flushes: boolean;
  readonly #changed: () => void;
  #isFlushing = false;

  /**
   * Without options only ranges are noted, and nothing is remembered. `inFlight`: the most that may be in flight; `changed` is
   * called when a FLUSH of our own is over.
   */
  constructor(
    options: JournalOptions | undefined,
    inFlight: { readonly bytesInFlightMax: number; readonly requestsInFlightMax: number; readonly connections: number },
    changed: () => void,
  ) {
    const { bytesMax = bytesMaxDefault, requestsMax = requestsMaxDefault, whenFull = 'give-up' } = options ?? {};
    this.#flushes = whenFull === 'flush';
    this.#changed = changed;
    const { bytesInFlightMax, requestsInFlightMax, connections } = inFlight;
    const slack = this.#flushes
      ? { slackBytes: bytesInFlightMax * connections, slackRequests: requestsInFlightMax * connections }
      : {};
    this.journal = new Journal({ bytesMax, requestsMax, remembers: options !== undefined, ...slack });
  }

  /** Whether a request has to wait for a flush under way, because what it writes could not be remembered. */
  holdsBack(request: Request): boolean {
    return this.#flushes && this.#isFlushing && request.isWriting && this.journal.fill >= 1;
  }

  /** A FLUSH, when one is due. It is to leave at once. */
  dueFlush(): Request | undefined {
    if (!this.#flushes || this.#isFlushing || this.journal.fill < flushFill) return undefined;
    this.#isFlushing = true;
    const over = (): void => {
      this.#isFlushing = false;
      this.#changed();
    };
    const request = requestOf(Command.Flush, 0, 0n, 0n);
    request.resolve = over;
    request.reject = (error) => {
      this.losses.add(asError(error));
      over();
    };
    request.detailed().onLost = () => {
      this.#isFlushing = false;
    };
    return request;
  }

  /** What cannot be brought back any more is counted as lost. Tells what that is. */
  settle(cause?: Error): Error | undefined {
    const ranges = this.journal.takeLost();
    if (ranges.length === 0) return undefined;
    const error = writesLostError(ranges, cause);
    this.losses.add(error);
    return error;
  }

  /** A FLUSH has failed, and somebody is told. */
  flushFailed(error: unknown): void {
    if (!isLoss(error)) return;
    this.losses.add(error);
    this.losses.told();
  }

  /**
   * To be asked when a flush has succeeded, and at the end: whether it all is as it seems. Each loss is told of once, and to
   * all whose flush began before that: `since` is how many had been told of then.
   *
   * @throws WritesLostError, or what a FLUSH has failed with.
   */
  requireNothingLost(since = this.losses.toldCount): void {
    if (this.losses.count <= since) return;
    this.losses.told();
    throw this.losses.since(since);
  }
}
