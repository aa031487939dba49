/** What is done so that no acknowledged write is lost unnoticed: the journal, flushes of our own, and the losses to report. */
import type { Clock, ExportFacts } from '@nbdjs/interfaces';
import { isLoss, LossLog, toError, writesLostError } from '@nbdjs/kit';
import { Command } from '@nbdjs/protocol';
import { abilitiesOf } from '../export/export-traits.ts';
import { type Request, requestOf } from '../requests/request.ts';
import type { MultiplexerSettings } from '../settings.ts';
import { Journal } from './journal.ts';

/** A FLUSH of our own leaves when the journal is half full, so that writes need not wait for it. */
const flushFill = 1 / 2;

/**
 * While flushes are quick, one leaves as soon as this much would have to be replayed. Memory of that size stays in the processor's
 * cache; a journal that goes through many times as much costs more by its cache misses than by its copies.
 */
const earlyFlushBytes = 2 * 2 ** 20;

/** A server that answers a FLUSH within this time, together with the writes before it, has next to nothing to do for it. */
const quickFlushMs = 1;

/** Flushes that are not quick count from this many in a row on: a machine that is busy with something else makes one late. */
const slowFlushesMin = 2;

export class UnflushedWrites {
  /** What was lost, for all who share the device. */
  readonly losses = new LossLog();
  /** Whether unflushed writes can be replayed, so that a new connection is worth having for that alone. */
  readonly canReplay: boolean;
  /** Whether the server is made to flush before more is written than can be remembered. */
  readonly flushesInTime: boolean;
  /** Where to note what the server acknowledges; absent where nothing can be flushed, because nothing ever becomes safe there. */
  journal: Journal | undefined;
  readonly #journal: Journal;
  readonly #flushOver: () => void;
  readonly #clock: Clock;
  #isFlushing = false;
  /** Flushes of our own in a row that were not quick. */
  #slowFlushes = 0;

  /** `flushOver` is called when a FLUSH of our own has been answered. */
  constructor(settings: MultiplexerSettings, flushOver: () => void) {
    const { clock, journal, reconnectDelayMs, connections, bytesInFlightMax, requestsInFlightMax } = settings;
    const { bytesMax, requestsMax, whenFull } = journal;
    this.canReplay = journal.isOn && reconnectDelayMs > 0;
    this.flushesInTime = this.canReplay && whenFull === 'flush';
    this.#clock = clock;
    this.#flushOver = flushOver;
    const slack = this.flushesInTime
      ? { slackBytes: bytesInFlightMax * connections, slackRequests: requestsInFlightMax * connections }
      : {};
    this.#journal = new Journal({ bytesMax, requestsMax, remembers: this.canReplay, ...slack });
  }

  /** Takes note of what the server of a new connection offers. */
  adapt(facts: ExportFacts): void {
    const { flush, readOnly } = abilitiesOf(facts);
    this.journal = flush && !readOnly ? this.#journal : undefined;
  }

  /** Whether a request has to wait for a flush under way, because what it writes could not be remembered. */
  holdsBack(request: Request): boolean {
    return this.flushesInTime && this.#isFlushing && request.isWriting && this.#journal.fill >= 1;
  }

  /** A FLUSH, when one is due. It is to leave at once. */
  dueFlush(): Request | undefined {
    if (!this.flushesInTime || this.#isFlushing || !this.#isFlushDue) return undefined;
    this.#isFlushing = true;
    const startMs = this.#clock.now();
    const over = (): void => {
      this.#isFlushing = false;
      this.#flushOver();
    };
    const request = requestOf(Command.Flush, 0, 0n, 0n);
    request.resolve = () => {
      this.#slowFlushes = this.#clock.now() - startMs <= quickFlushMs ? 0 : this.#slowFlushes + 1;
      over();
    };
    request.reject = (error) => {
      this.#slowFlushes++;
      this.losses.add(toError(error));
      over();
    };
    request.detailed().onLost = () => {
      this.#isFlushing = false;
    };
    return request;
  }

  get #isFlushDue(): boolean {
    const journal = this.#journal;
    return journal.fill >= flushFill || (this.#slowFlushes < slowFlushesMin && journal.bytes >= earlyFlushBytes);
  }

  /** The device is closed: nothing is replayed any more, and memory that was lent for that is the callers' again. */
  closed(): void {
    this.#journal.returnLoans();
  }

  /** Counts as lost what cannot be brought back any more, and returns the error that says so. */
  countLosses(cause?: Error): Error | undefined {
    const ranges = this.#journal.takeLost();
    if (ranges.length === 0) return undefined;
    const error = writesLostError(ranges, cause);
    this.losses.add(error);
    return error;
  }

  /** A FLUSH has failed, and its caller is told. */
  flushFailed(error: unknown): void {
    if (!isLoss(error)) return;
    this.losses.add(error);
    this.losses.told();
  }

  /**
   * To be called when a flush has succeeded, and at the end. Each loss is reported once, and to all whose flush began before
   * that: `since` is how many had been reported then.
   *
   * @throws WritesLostError, or what a FLUSH has failed with.
   */
  requireNothingLost(since = this.losses.toldCount): void {
    if (this.losses.count <= since) return;
    this.losses.told();
    throw this.losses.since(since);
  }
}
