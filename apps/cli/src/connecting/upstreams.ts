/** The servers behind a command that goes on for long: connects to them, and prints lines when their connections are lost and made again. */
import type { NbdClient } from '@nbdjs/client';
import { baseAllocation } from '@nbdjs/interfaces';
import type { FileDevice } from '@nbdjs/storage';
import { oneLine } from '../errors/one-line.ts';
import { describeOperand, type ServerOperand } from '../options/operand.ts';
import { upstreamRetries } from '../options/server.ts';
import type { Terminal } from '../terminal.ts';
import { type Connecting, openServer } from './open-server.ts';
import { patienceFor } from './patience.ts';
import { describeEvent } from './upstream-events.ts';
import { UpstreamNotes } from './upstream-notes.ts';

/** How long closing the connection to a server without open requests may take, in milliseconds. */
const orderlyCloseMs = 250;

/** How servers are connected to. */
export interface UpstreamOptions extends Omit<Connecting, 'retries'> {
  /** Tries to wait for a server that is gone; without it, `upstreamRetries`, and none for the first connection. */
  readonly retries?: number | undefined;
  /** Further metadata contexts. */
  readonly context?: readonly string[] | undefined;
}

export class Upstreams {
  readonly #options: UpstreamOptions;
  readonly #terminal: Terminal;
  readonly #notes: UpstreamNotes;
  /** How long a server may take over the end, in milliseconds. */
  readonly #closeMs: number;
  readonly #clients: NbdClient[] = [];
  readonly #files: FileDevice[] = [];
  #isEnding = false;

  constructor(options: UpstreamOptions, terminal: Terminal, closeMs: number) {
    this.#options = options;
    this.#terminal = terminal;
    this.#notes = new UpstreamNotes(terminal);
    this.#closeMs = closeMs;
  }

  /**
   * Connects to a server. A URI is connected to again when the connection is lost, and what was written and not flushed is written
   * once more. A command would start without the data, so it is not started again.
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
      // When the journal is full, a flush is sent to the server, so that nothing can be lost.
      journal: { whenFull: 'flush' },
      closeMs: this.#closeMs,
      onEvent: (event) => this.#notes.print(name, describeEvent(event, reconnectDelayMs)),
    });
    void client.closed.then((error) => {
      if (error === undefined) return;
      const consequence = operand.type === 'command' ? 'it is not started again, and every' : 'every';
      this.#notes.print(name, oneLine(error) + (this.#isEnding ? '' : `; ${consequence} request fails from now on`));
    });
    this.#clients.push(client);
    return client;
  }

  /** Uses up to so many connections to each server that allows it. */
  widen(connections: number): void {
    for (const client of this.#clients) if (client.abilities.multiConn) client.widen(connections);
  }

  /** Ends a file, too, when time is up: trimming a file of many pieces takes minutes. */
  endWith(file: FileDevice): FileDevice {
    this.#files.push(file);
    return file;
  }

  /** Starts the time limit for the end; then connections with open requests are destroyed. Returns a function that cancels it. */
  endInTime(): () => void {
    this.#isEnding = true;
    let timer = setTimeout(() => {
      for (const file of this.#files) file.destroy();
      // If only a client of this server has stayed, the upstream has no open requests, and its connection is closed in order.
      for (const client of this.#clients) void client.close().catch(() => {});
      timer = setTimeout(() => this.#abandon(), orderlyCloseMs);
    }, this.#closeMs);
    return () => clearTimeout(timer);
  }

  #abandon(): void {
    const message = `the server took more than ${this.#closeMs} ms to end, and writes that were not flushed may be lost`;
    for (const client of this.#clients) client.destroy(client.state === 'closed' ? undefined : new Error(message));
  }
}
