/** The servers that `nbd serve` serves again: how they are reached, and what becomes of the connection to them, line by line. */
import type { DeviceEvent, NbdClient } from '@nbdjs/client';
import { baseAllocation } from '@nbdjs/interfaces';
import { endInWords } from '@nbdjs/kit';
import type { FileDevice } from '@nbdjs/storage';
import { describeOperand } from '../arguments/operands.ts';
import { type ServerWords, upstreamRetries } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import { openServer, type ServerOperand } from '../open.ts';
import { patienceFor } from '../patience.ts';
import type { Terminal } from '../terminal.ts';

/** What was said about servers that are served again. */
export interface UpstreamWords extends Omit<ServerWords, 'retries'> {
  /** Nothing for the usual number, of which the first connection makes no use. */
  readonly retries: number | undefined;
  /** Metadata contexts to ask for besides those that the server lists. */
  readonly contexts: readonly string[];
}

/** Servers that owe nothing any more have so long to take leave, in milliseconds. */
const farewellMs = 250;

export class Upstreams {
  readonly #words: UpstreamWords;
  readonly #terminal: Terminal;
  /** How long a server may take over the end, in milliseconds. */
  readonly #closeMs: number;
  readonly #clients: NbdClient[] = [];
  readonly #files: FileDevice[] = [];
  #isEnding = false;
  /** The last line about each server. */
  readonly #told = new Map<string, string>();

  constructor(words: UpstreamWords, terminal: Terminal, closeMs: number) {
    this.#words = words;
    this.#terminal = terminal;
    this.#closeMs = closeMs;
  }

  /**
   * Connects to a server. A URI is connected to again when the connection is lost, and what was written and not flushed is written
   * once more. A command would begin with nothing, so it is not started again.
   */
  async open(operand: ServerOperand): Promise<NbdClient> {
    const { mode, retries, silenceMs, contexts, verbose } = this.#words;
    const reconnectDelayMs = operand.type === 'uri' ? patienceFor(retries ?? upstreamRetries).reconnectDelayMs : 0;
    const name = describeOperand(operand);
    // Whoever has not asked for patience wants to know at once that he has mistaken the name.
    const client = await openServer(operand, { mode, retries: retries ?? 0, silenceMs, verbose }, this.#terminal, {
      contexts: [baseAllocation, ...contexts],
      allContexts: true,
      reconnectDelayMs,
      awaitExport: reconnectDelayMs > 0,
      // What cannot be remembered any more has the server flush, so that nothing can be lost.
      journal: { whenFull: 'flush' },
      closeMs: this.#closeMs,
      onEvent: (event) => this.#tell(name, lineOf(event, reconnectDelayMs)),
    });
    void client.closed.then((error) => {
      if (error === undefined) return;
      const consequence = operand.type === 'command' ? 'it is not started again, and every' : 'every';
      this.#tell(name, oneLine(error) + (this.#isEnding ? '' : `; ${consequence} request fails from now on`));
    });
    this.#clients.push(client);
    return client;
  }

  /** Has a file stop, too, when time is up: trimming a file of many pieces takes minutes. */
  endWith(file: FileDevice): FileDevice {
    this.#files.push(file);
    return file;
  }

  /** From now on there is so much time: servers that still owe something then are left as they are. Gives a way to call that off. */
  endInTime(): () => void {
    this.#isEnding = true;
    let timer = setTimeout(() => {
      for (const file of this.#files) file.destroy();
      // It may be that only a client of ours has stayed: a server that owes nothing is taken leave of.
      for (const client of this.#clients) void client.close().catch(() => {});
      timer = setTimeout(() => this.#abandon(), farewellMs);
    }, this.#closeMs);
    return () => clearTimeout(timer);
  }

  #abandon(): void {
    const message = `the server took more than ${this.#closeMs} ms over the end, and what was not flushed may be lost`;
    for (const client of this.#clients) client.destroy(client.state === 'closed' ? undefined : new Error(message));
  }

  /** The same again is nothing new: while a server is away, every request would be told of. */
  #tell(name: string, line: string): void {
    if (this.#told.get(name) === line) return;
    this.#told.set(name, line);
    // Most errors begin with the name themselves.
    this.#terminal.note(`nbd: ${line.startsWith(`${name}: `) ? line : `${name}: ${line}`}`);
  }
}

function lineOf(event: DeviceEvent, reconnectDelayMs: number): string {
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
