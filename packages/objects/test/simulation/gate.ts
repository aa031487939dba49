/** A process that can stop for a while, or for good: everything that would wake it goes through its gate. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { VirtualClock } from '@nbdjs/testkit';

export class Gate {
  #held: (() => void)[] | undefined;
  #isDead = false;

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#held !== undefined;
  }

  /** Runs a task now, or when the process goes on; never if it is dead. */
  run(task: () => void): void {
    if (this.#isDead) return;
    if (this.#held === undefined) task();
    else this.#held.push(task);
  }

  /** Settles when the process runs. */
  pass(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  pause(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const task of held) this.run(task);
  }

  kill(): void {
    this.#isDead = true;
    this.#held = undefined;
  }
}

/** The clock of one process: it can jump, and it may stand still while the process is paused, as that of a suspended machine does. */
export class ProcessClock implements Clock {
  readonly #time: VirtualClock;
  readonly #gate: Gate;
  #offsetMs = 0;
  #frozenMs: number | undefined;

  constructor(time: VirtualClock, gate: Gate) {
    this.#time = time;
    this.#gate = gate;
  }

  now(): number {
    return this.#frozenMs ?? this.#time.now() + this.#offsetMs;
  }

  schedule(delayMs: number, task: () => void): Cancel {
    let isOver = false;
    const cancel = this.#time.schedule(delayMs, () =>
      this.#gate.run(() => {
        if (!isOver) task();
      }),
    );
    return () => {
      isOver = true;
      cancel();
    };
  }

  jump(byMs: number): void {
    this.#offsetMs += byMs;
  }

  freeze(): void {
    this.#frozenMs ??= this.now();
  }

  thaw(): void {
    if (this.#frozenMs !== undefined) this.#offsetMs = this.#frozenMs - this.#time.now();
    this.#frozenMs = undefined;
  }
}
