/** Samples all clients from time to time, to find those without progress. One timer for all; none while there is no client. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { MemoryBudget } from './memory-budget.ts';

export interface MonitoredClient {
  /** `isShort`: other clients have waited for memory for a while. `isWanted`: other clients wait for a place. */
  sample(now: number, isShort: boolean, isWanted: boolean): void;
}

const tickMsMax = 1000;

export class ClientMonitor {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #budget: MemoryBudget;
  readonly #isPlaceWanted: () => boolean;
  readonly #clients = new Set<MonitoredClient>();
  #wasShort = false;
  #cancel: Cancel | undefined;

  /** `patienceMs`: the shortest time after which a client without progress is disconnected. */
  constructor(clock: Clock, patienceMs: number, budget: MemoryBudget, isPlaceWanted: () => boolean) {
    this.#clock = clock;
    this.#isPlaceWanted = isPlaceWanted;
    this.#tickMs = Math.max(1, Math.min(tickMsMax, patienceMs / 4));
    this.#budget = budget;
  }

  enter(client: MonitoredClient): void {
    this.#clients.add(client);
    this.#cancel ??= this.#clock.schedule(this.#tickMs, () => this.#sampleAll());
  }

  leave(client: MonitoredClient): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wasShort = false;
  }

  #sampleAll(): void {
    const { isShort } = this.#budget;
    const now = this.#clock.now();
    this.#cancel = this.#clock.schedule(this.#tickMs, () => this.#sampleAll());
    const isWanted = this.#isPlaceWanted();
    for (const client of [...this.#clients]) client.sample(now, isShort && this.#wasShort, isWanted);
    this.#wasShort = isShort;
    this.#budget.unstick();
  }
}
