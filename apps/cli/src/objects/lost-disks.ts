/** Disks that other writers have taken over while they were served. */
import type { CommandError } from '@nbdjs/interfaces';
import { oneLine } from '../errors/one-line.ts';
import type { Terminal } from '../terminal.ts';

/** The exit code of a server that has lost a disk: a service manager sees that it has not ended as it should. */
const exitLost = 1;

/**
 * Clients of a disk that was taken over get ESHUTDOWN. The other exports are served as before; a server that has lost all of them ends.
 */
export class LostDisks {
  readonly #exportCount: number;
  readonly #terminal: Pick<Terminal, 'note'>;
  readonly #stop: () => void;
  #lost = 0;

  constructor(exportCount: number, terminal: Pick<Terminal, 'note'>, stop: () => void) {
    this.#exportCount = exportCount;
    this.#terminal = terminal;
    this.#stop = stop;
  }

  /** What the program exits with when it has ended in order otherwise. */
  get exitCode(): number {
    return this.#lost > 0 ? exitLost : 0;
  }

  add(error: CommandError): void {
    this.#lost++;
    const isLast = this.#lost === this.#exportCount;
    const then = isLast ? 'it is not served any more' : 'its clients get ESHUTDOWN from now on';
    this.#terminal.note(`nbd: ${oneLine(error)}; ${then}`);
    if (isLast) this.#stop();
  }
}
