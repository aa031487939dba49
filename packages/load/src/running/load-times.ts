/** The moments of a load: when the measuring begins, when the load ends, and when nothing is waited for any more. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import { listenForAbort, stopListeningForAbort } from '@nbdjs/kit';
import type { LoadSettings } from '../settings.ts';

/** What happens at these moments. */
export interface LoadMoments {
  measure(): void;
  end(): void;
  abandon(): void;
  /** The signal was aborted. */
  stop(): void;
}

export class LoadTimes {
  readonly #settings: LoadSettings;
  readonly #clock: Clock;
  readonly #moments: LoadMoments;
  readonly #onAbort: () => void;
  #cancel: Cancel | undefined;
  #cancelDrain: Cancel | undefined;
  #abandoned: () => void = () => {};
  /** When the measuring began. */
  startMs: number;
  /** When it ends. */
  endMs = Number.POSITIVE_INFINITY;
  isMeasuring = false;

  constructor(settings: LoadSettings, clock: Clock, moments: LoadMoments) {
    this.#settings = settings;
    this.#clock = clock;
    this.#moments = moments;
    this.#onAbort = () => moments.stop();
    this.startMs = clock.now() + settings.warmUpMs;
  }

  begin(): void {
    const { warmUpMs, signal } = this.#settings;
    if (signal?.aborted) this.#moments.stop();
    else if (signal !== undefined) listenForAbort(signal, this.#onAbort);
    if (warmUpMs === 0) this.#measure();
    else this.#cancel = this.#clock.schedule(warmUpMs, () => this.#measure(), true);
  }

  /** Requests in flight are waited for, but not for ever. */
  drain(): void {
    this.#cancelDrain ??= this.#clock.schedule(
      this.#settings.drainMs,
      () => {
        this.#moments.abandon();
        this.#abandoned();
      },
      true,
    );
  }

  /** The requests that were waited for have ended, the time does not matter any more, and there are others to wait for. */
  drainAnew(): void {
    this.#cancel?.();
    this.#cancelDrain?.();
    this.#cancelDrain = undefined;
    this.drain();
  }

  /** `listener` is called in place of an earlier one. */
  onAbandon(listener: () => void): void {
    this.#abandoned = listener;
  }

  close(): void {
    this.#cancel?.();
    this.#cancelDrain?.();
    const { signal } = this.#settings;
    if (signal !== undefined) stopListeningForAbort(signal, this.#onAbort);
  }

  #measure(): void {
    this.isMeasuring = true;
    this.startMs = this.#clock.now();
    this.endMs = this.startMs + this.#settings.endMs;
    this.#moments.measure();
    if (this.endMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#clock.schedule(this.#settings.endMs, () => this.#moments.end(), true);
  }
}
