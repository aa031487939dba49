/** Tells a server again what it may have forgotten of the unflushed writes, before anything else is asked of it. */

import type { Connection } from '../connections/connection.ts';
import { geometryOf } from '../export/export-traits.ts';
import type { Request } from '../requests/request.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { Journal } from './journal.ts';

export class Replay {
  readonly connection: Connection;
  readonly #requests: readonly Request[];
  readonly #journal: Journal;
  readonly #statistics: MutableStatistics;
  readonly #done: () => void;
  #issuedCount = 0;
  #answeredCount = 0;

  /** `done` is called when everything has been answered, unless there was nothing to do. */
  constructor(journal: Journal, connection: Connection, statistics: MutableStatistics, done: () => void) {
    this.connection = connection;
    this.#journal = journal;
    this.#statistics = statistics;
    this.#done = done;
    this.#requests = journal.replay(geometryOf(connection.facts).maximumBlockSize);
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
    const { connection } = this;
    if (connection.isBlocked) return;
    for (let next = this.#next; next !== undefined && connection.canTake(next); next = this.#next) {
      this.#issuedCount++;
      this.#statistics.requestsReplayed++;
      connection.issue(next);
    }
    connection.send();
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
    // What cannot be written once more is lost, which the next FLUSH reports; no caller waits for it.
    request.reject = () => {
      this.#journal.lose(request);
      answered();
    };
    // The journal still has it; another connection begins anew.
    request.detailed().onLost = () => {};
  }
}
