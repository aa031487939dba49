/** Keeps the process alive without doing anything. */

/** As far away as Node's timers go: 2^31 - 1 milliseconds, 24 days. */
const farAwayMs = 0x7fff_ffff;

/** While on, the event loop has something to wait for: somebody waits for an attempt whose timers do not count. */
export class StayAlive {
  #timer: NodeJS.Timeout | undefined;

  set(on: boolean): void {
    if (on) {
      this.#timer ??= setInterval(() => {}, farAwayMs);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
