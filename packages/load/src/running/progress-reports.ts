/** Says from time to time what was measured so far. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { LoadProgress } from '../measuring/report.ts';
import type { Tally } from '../measuring/tally.ts';
import type { LoadSettings } from '../settings.ts';

export class ProgressReports {
  readonly #settings: LoadSettings;
  readonly #clock: Clock;
  readonly #tally: Tally;
  readonly #phase: () => LoadProgress['phase'];
  #cancel: Cancel | undefined;
  #startMs: number;
  #lastMs: number;
  #lastRequests = 0;
  #lastBytes = 0;

  constructor(settings: LoadSettings, clock: Clock, tally: Tally, phase: () => LoadProgress['phase']) {
    this.#settings = settings;
    this.#clock = clock;
    this.#tally = tally;
    this.#phase = phase;
    this.#lastMs = clock.now();
    this.#startMs = this.#lastMs + settings.warmUpMs;
  }

  begin(): void {
    const { onProgress, progressMs } = this.#settings;
    if (onProgress === undefined) return;
    this.#cancel = this.#clock.schedule(progressMs, () => {
      onProgress(this.#figures());
      this.begin();
    });
  }

  close(): void {
    this.#cancel?.();
  }

  #figures(): LoadProgress {
    const nowMs = this.#clock.now();
    const { requests, bytes, failed } = this.#tally;
    const seconds = (nowMs - this.#lastMs) / 1000;
    const microseconds = (percent: number): number | undefined => {
      const nanoseconds = this.#tally.percentile(percent);
      return nanoseconds === undefined ? undefined : Math.round(nanoseconds) / 1000;
    };
    const figures = {
      seconds: (nowMs - this.#startMs) / 1000,
      requests,
      bytes,
      failed,
      requestsPerSecond: (requests - this.#lastRequests) / seconds,
      bytesPerSecond: (bytes - this.#lastBytes) / seconds,
      p50Us: microseconds(50),
      p99Us: microseconds(99),
      phase: this.#phase(),
    };
    this.#lastMs = nowMs;
    this.#lastRequests = requests;
    this.#lastBytes = bytes;
    return figures;
  }
}
