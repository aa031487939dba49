/** Lines about servers that a command goes on to use for long. */
import type { Terminal } from '../terminal.ts';

export class UpstreamNotes {
  readonly #terminal: Pick<Terminal, 'note'>;
  /** The last line about each server. */
  readonly #lastLines = new Map<string, string>();

  constructor(terminal: Pick<Terminal, 'note'>) {
    this.#terminal = terminal;
  }

  /** Prints a line unless it is the last one again: while a server is away, every request would print it. */
  print(name: string, line: string): void {
    if (this.#lastLines.get(name) === line) return;
    this.#lastLines.set(name, line);
    // Most errors begin with the name already.
    this.#terminal.note(`nbd: ${line.startsWith(`${name}: `) ? line : `${name}: ${line}`}`);
  }
}
