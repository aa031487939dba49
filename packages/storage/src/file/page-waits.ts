/**
 * Waiting for pages without a thread. A read that may not wait still makes the kernel fetch the pages that it misses. Many disks have
 * them within the time that a thread takes to wake up and to hand its result over, so that it is quicker to ask again in the event loop's
 * next turns.
 */
import type { Clock, Defer } from '@nbdjs/interfaces';
import { TrialPause } from './trial-pause.ts';

/** Longer reads are left to threads at once: each attempt copies what is there already. In bytes. */
export const awaitedReadBytesMax = 64 * 1024;
/**
 * How long reads wait while no page of any of them comes, in milliseconds. Disks that turn take longer, and do not keep a processor busy.
 */
const waitMs = 0.5;
/** Attempts without success in one turn: disks answer almost in order, so what waits behind them will rarely be there. */
const missesMax = 2;
/** The end of waiting where a clock says that no time passes, in turns. */
const turnsMax = 10_000;
/** After so many waits in vain, one after the other, threads read for a while. */
const vainMax = 8;

interface Wait {
  /** Reads what is in the page cache; returns whether that was everything. */
  readonly attempt: () => boolean;
  readonly settle: (isRead: boolean) => void;
  readonly sinceMs: number;
  turns: number;
}

/** Asks for the pages of several reads again until they are there. */
export class PageWaits {
  readonly #clock: Clock;
  readonly #nextTurn: Defer;
  readonly #turn = (): void => this.#look();
  readonly #waits: Wait[] = [];
  /** When pages came last. */
  #arrivalMs = Number.NEGATIVE_INFINITY;
  #vainCount = 0;
  readonly #pause: TrialPause;

  /** @param nextTurn the event loop's next turn, behind input that is there already (`setImmediate`) */
  constructor(clock: Clock, nextTurn: Defer) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
    this.#pause = new TrialPause(clock);
  }

  /** Whether waiting has been worth it lately. */
  get isWorthIt(): boolean {
    return this.#pause.isOver;
  }

  /** Resolves to `true` as soon as an attempt has read everything, or to `false` when a thread is to read. */
  until(attempt: () => boolean): Promise<boolean> {
    return new Promise((settle) => {
      this.#waits.push({ attempt, settle, sinceMs: this.#clock.now(), turns: 0 });
      if (this.#waits.length === 1) this.#nextTurn(this.#turn);
    });
  }

  #look(): void {
    const waits = this.#waits;
    const nowMs = this.#clock.now();
    let missCount = 0;
    let keptCount = 0;
    let isVain = false;
    for (const wait of waits) {
      if (missCount < missesMax && wait.attempt()) {
        this.#arrived(nowMs);
        wait.settle(true);
      } else if (++wait.turns >= turnsMax || nowMs - Math.max(wait.sinceMs, this.#arrivalMs) > waitMs) {
        isVain = true;
        wait.settle(false);
      } else {
        missCount++;
        waits[keptCount++] = wait;
      }
    }
    waits.length = keptCount;
    if (isVain) this.#missed();
    if (keptCount > 0) this.#nextTurn(this.#turn);
  }

  #arrived(nowMs: number): void {
    this.#arrivalMs = nowMs;
    this.#vainCount = 0;
    this.#pause.end();
  }

  #missed(): void {
    if (++this.#vainCount < vainMax) return;
    this.#vainCount = 0;
    this.#pause.begin(this.#clock.now());
  }
}
