/** Keeps the process alive. */

/** The longest interval of Node's timers: 2^31 - 1 milliseconds, 24 days. */
const intervalMs = 0x7fff_ffff;

/** While on, the event loop has a timer to wait for: a caller waits for an attempt whose own timers do not count. */
export class StayAlive {
  #timer: ReturnType<typeof setInterval> | undefined;

  set(on: boolean): void {
    if (on) {
      this.#timer ??= setInterval(() => {}, intervalMs);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
