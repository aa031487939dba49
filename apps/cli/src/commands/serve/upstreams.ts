/** The servers that `nbd serve` serves again: how they are connected to, and lines about what becomes of the connection. */
import type { DeviceEvent, NbdClient } from '@nbdjs/client';
import { baseAllocation } from '@nbdjs/interfaces';
import { endInWords } from '@nbdjs/kit';
import type { FileDevice } from '@nbdjs/storage';
import { openServer } from '../../connecting/open-server.ts';
import { patienceFor } from '../../connecting/patience.ts';
import { oneLine } from '../../errors/one-line.ts';
import { describeOperand, type ServerOperand } from '../../options/operand.ts';
import { upstreamRetries } from '../../options/server.ts';
import type { Terminal } from '../../terminal.ts';
import type { ServeOptions } from './command.ts';

/** Servers that owe nothing any more have this long for their goodbye, in milliseconds. */
const farewellMs = 250;

export class Upstreams {
  readonly #options: ServeOptions;
  readonly #terminal: Terminal;
  /** How long a server may take over the end, in milliseconds. */
  readonly #closeMs: number;
  readonly #clients: NbdClient[] = [];
  readonly #files: FileDevice[] = [];
  #isEnding = false;
  /** The last line about each server. */
  readonly #lastLines = new Map<string, string>();

  constructor(options: ServeOptions, terminal: Terminal, closeMs: number) {
    this.#options = options;
    this.#terminal = terminal;
    this.#closeMs = closeMs;
  }

  /**
   * Connects to a server. A URI is connected to again when the connection is lost, and what was written and not flushed is written
   * once more. A command would begin with nothing, so it is not started again.
   */
  async open(operand: ServerOperand): Promise<NbdClient> {
    const { retries, context: contexts = [] } = this.#options;
    const reconnectDelayMs = operand.type === 'uri' ? patienceFor(retries ?? upstreamRetries).reconnectDelayMs : 0;
    const name = describeOperand(operand);
    // Without --retries, a wrong name is reported at once.
    const client = await openServer(operand, { ...this.#options, retries: retries ?? 0 }, this.#terminal, {
      contexts: [baseAllocation, ...contexts],
      allContexts: true,
      reconnectDelayMs,
      awaitExport: reconnectDelayMs > 0,
      // When the journal is full the server is told to flush, so that nothing can be lost.
      journal: { whenFull: 'flush' },
      closeMs: this.#closeMs,
      onEvent: (event) => this.#note(name, describeEvent(event, reconnectDelayMs)),
    });
    void client.closed.then((error) => {
      if (error === undefined) return;
      const consequence = operand.type === 'command' ? 'it is not started again, and every' : 'every';
      this.#note(name, oneLine(error) + (this.#isEnding ? '' : `; ${consequence} request fails from now on`));
    });
    this.#clients.push(client);
    return client;
  }

  /** Ends a file, too, when time is up: trimming a file of many pieces takes minutes. */
  endWith(file: FileDevice): FileDevice {
    this.#files.push(file);
    return file;
  }

  /** From now on the time for the end runs; servers that still owe something then are abandoned. Returns a function that cancels it. */
  endInTime(): () => void {
    this.#isEnding = true;
    let timer = setTimeout(() => {
      for (const file of this.#files) file.destroy();
      // Perhaps only a client of this server has stayed; then the upstream owes nothing, and gets its goodbye.
      for (const client of this.#clients) void client.close().catch(() => {});
      timer = setTimeout(() => this.#abandon(), farewellMs);
    }, this.#closeMs);
    return () => clearTimeout(timer);
  }

  #abandon(): void {
    const message = `the server took more than ${this.#closeMs} ms over the end, and what was not flushed may be lost`;
    for (const client of this.#clients) client.destroy(client.state === 'closed' ? undefined : new Error(message));
  }

  /** Prints a line unless it is the last one again: while a server is away, every request would print it. */
  #note(name: string, line: string): void {
    if (this.#lastLines.get(name) === line) return;
    this.#lastLines.set(name, line);
    // Most errors begin with the name already.
    this.#terminal.note(`nbd: ${line.startsWith(`${name}: `) ? line : `${name}: ${line}`}`);
  }
}

function describeEvent(event: DeviceEvent, reconnectDelayMs: number): string {
  switch (event.type) {
    case 'lost': {
      const why = oneLine(endInWords(event.cause));
      const waiting = `; requests wait for another one, for ${Math.round(reconnectDelayMs / 1000)} s`;
      return `the connection is lost (${why})${reconnectDelayMs > 0 ? waiting : ''}`;
    }
    case 'restored': {
      const { requestsReplayed: count } = event;
      const repeated = `, and what was not flushed is written again (${count} ${count === 1 ? 'request' : 'requests'})`;
      return `connected again${count > 0 ? repeated : ''}`;
    }
    case 'waited-in-vain':
      return `${oneLine(event.error)}; requests fail until it is there again`;
    case 'writes-lost':
      return `${oneLine(event.error)}; the next flush of each client fails`;
  }
}
