/** Statistics of the clients that are gone: of all of them, and of the clients of each export. */
import { addStatistics, emptyStatistics, type Statistics } from './statistics.ts';

/** With a provider there may be any number of names. The figures of this many exports are kept, those used last. */
const exportsMax = 1024;

export class ExportStatistics {
  readonly total = emptyStatistics();
  readonly #byExport = new Map<string, Statistics>();

  /** Adds what one client has done. `exportName` is absent for a client that has opened no export. */
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

  /** Returns a copy of the figures of one export. */
  of(exportName: string): Statistics {
    return { ...(this.#byExport.get(exportName) ?? emptyStatistics()) };
  }
}
