/** Measures how long a client makes no progress in the handshake. The number of its options does not matter here: it has its own limits. */
import type { Cancel, Clock } from '@nbdjs/interfaces';

/** What the handshake waits for: `tls` while the TLS handshake runs, which waits for the client, too. */
export type HandshakeTurn = 'client' | 'server' | 'tls';

export class HandshakeTimer {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #turn: () => HandshakeTurn;
  readonly #onOver: () => void;
  #stepsSeen = 0;
  /** When the client has done a step of the handshake last, or the server has answered. */
  #movedMs: number;
  #cancel: Cancel = () => {};

  /** `limitMs`: 0 for no limit. `onOver` is called when the client has stood still for so long. */
  constructor(clock: Clock, limitMs: number, turn: () => HandshakeTurn, onOver: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#turn = turn;
    this.#onOver = onOver;
    this.#movedMs = clock.now();
    this.#schedule(limitMs);
  }

  /** `stepsDone`: steps of the handshake so far. */
  noteProgress(stepsDone: number): void {
    const turn = this.#turn();
    if (stepsDone === this.#stepsSeen && turn === 'client') return;
    this.#stepsSeen = stepsDone;
    if (turn !== 'tls') this.#movedMs = this.#clock.now();
  }

  /** For how long the client has stood still, in milliseconds; 0 while the server has to answer. */
  standstillMs(now: number): number {
    return this.#turn() === 'server' ? 0 : now - this.#movedMs;
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(delayMs: number): void {
    if (delayMs > 0) this.#cancel = this.#clock.schedule(delayMs, () => this.#check());
  }

  #check(): void {
    const leftMs = this.#limitMs - this.standstillMs(this.#clock.now());
    if (leftMs > 0) this.#schedule(leftMs);
    else this.#onOver();
  }
}
