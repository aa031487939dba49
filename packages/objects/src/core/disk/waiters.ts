/** Callers that wait until something has become better. */
import { untilAborted } from '@nbdjs/kit';

export class Waiters {
  readonly #waiting: { resolve(): void; reject(error: unknown): void }[] = [];

  /** Settles at the next `wake`, or rejects with the error of `fail` or the reason of the signal. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    const waiting = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    waiting.catch(() => {});
    return untilAborted(waiting, signal);
  }

  /** All of them look again. */
  wake(): void {
    for (const one of this.#waiting.splice(0)) one.resolve();
  }

  /** None of them need wait longer. */
  fail(error: unknown): void {
    for (const one of this.#waiting.splice(0)) one.reject(error);
  }
}
