/**
 * When a file may be written to at once, without a thread that waits: the page cache takes most writes as quickly as memory would.
 * But a system that has too much to bring to its disk makes writers wait, and then everybody would wait with us.
 */
import type { Clock } from '@nbdjs/interfaces';

/**
 * Longer writes gain nothing: threads copy them side by side. In bytes. What has just come from a socket is in the processor's cache,
 * and goes to the page cache from there before the next one takes its place: measured on two processors, 1.3 to 1.5 times as many writes of
 * 128 KiB to 1 MiB as by threads.
 */
const lengthMax = 1024 * 1024;
/** A write of less than whole pages may have to read the rest of them first. */
const pageBytes = 4096;
/** A write that took longer has been waiting. In milliseconds. */
const slowMs = 5;
/** Threads write for so long then, and twice as long if the next attempt is slow, too. In milliseconds. */
const pauseMs = 1000;
const pauseMsMax = 60_000;

export class PromptWrites {
  readonly #clock: Clock;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #pauseMs = pauseMs;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a write may be tried at once. */
  mayTry(offset: number, length: number): boolean {
    if (length > lengthMax || offset % pageBytes !== 0 || length % pageBytes !== 0) return false;
    return this.#pausedUntil === Number.NEGATIVE_INFINITY || this.#clock.now() >= this.#pausedUntil;
  }

  /** Carries out a write, and remembers how long it took. */
  run<Result>(write: () => Result): Result {
    const start = this.#clock.now();
    try {
      return write();
    } finally {
      const end = this.#clock.now();
      if (end - start > slowMs) {
        this.#pausedUntil = end + this.#pauseMs;
        this.#pauseMs = Math.min(2 * this.#pauseMs, pauseMsMax);
      } else if (this.#pausedUntil !== Number.NEGATIVE_INFINITY) {
        this.#pausedUntil = Number.NEGATIVE_INFINITY;
        this.#pauseMs = pauseMs;
      }
    }
  }
}
