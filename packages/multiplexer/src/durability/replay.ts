/** Brings a server that may have forgotten unflushed writes up to date, before anything else is asked of it. */

import type { Connection } from '../connections/connection.ts';
import { geometryOf } from '../export/export-traits.ts';
import type { Request } from '../requests/request.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { Journal } from './journal.ts';

export class Replay {
  readonly wire: Connection;
  readonly #requests: readonly Request[];
  readonly #journal: Journal;
  readonly #statistics: MutableStatistics;
  readonly #done: () => void;
  #issuedCount = 0;
  #answeredCount = 0;

  /** `done` is called when everything has been answered, unless there was nothing to do. */
  constructor(journal: Journal, wire: Connection, statistics: MutableStatistics, done: () => void) {
    this.wire = wire;
    this.#journal = journal;
    this.#statistics = statistics;
    this.#done = done;
    this.#requests = journal.replay(geometryOf(wire.facts).maximumBlockSize);
    for (const request of this.#requests) this.#prepare(request);
  }

  get requestCount(): number {
    return this.#requests.length;
  }

  get isDone(): boolean {
    return this.#answeredCount === this.#requests.length;
  }

  /** Issues as many as the connection takes now. */
  feed(): void {
    const { wire } = this;
    if (wire.isBlocked) return;
    for (let next = this.#next; next !== undefined && wire.canTake(next); next = this.#next) {
      this.#issuedCount++;
      this.#statistics.requestsReplayed++;
      wire.issue(next);
    }
    wire.send();
  }

  get #next(): Request | undefined {
    return this.#requests[this.#issuedCount];
  }

  #prepare(request: Request): void {
    const answered = (): void => {
      this.#answeredCount++;
      if (this.isDone) this.#done();
    };
    request.resolve = answered;
    // What cannot be written once more is lost, which the next FLUSH will tell; nobody else waits for it.
    request.reject = () => {
      this.#journal.lose(request);
      answered();
    };
    // The journal still has it; another connection begins anew.
    request.detailed().onLost = () => {};
  }
}
