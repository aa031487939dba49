/** What was done for the clients that have gone: for all of them, and for those of each export. */
import { addStatistics, emptyStatistics, type Statistics } from './statistics.ts';

/** With a provider there may be any number of names; of so many exports the figures are kept, the last used ones. */
const exportsMax = 1024;

export class Ledger {
  readonly total = emptyStatistics();
  readonly #byExport = new Map<string, Statistics>();

  /** `exportName` is absent for a client that has never got so far. */
  add(exportName: string | undefined, statistics: Readonly<Statistics>): void {
    addStatistics(this.total, statistics);
    if (exportName === undefined) return;
    const sum = this.of(exportName);
    addStatistics(sum, statistics);
    this.#byExport.delete(exportName);
    this.#byExport.set(exportName, sum);
    const [oldest] = this.#byExport.keys();
    if (this.#byExport.size > exportsMax && oldest !== undefined) this.#byExport.delete(oldest);
  }

  /** A copy of what was done for an export. */
  of(exportName: string): Statistics {
    return { ...(this.#byExport.get(exportName) ?? emptyStatistics()) };
  }
}
