/** Printing what happens, as fast as the output takes it. */
import { eventJson, eventText, MessageCollector, type ReadEntry, traceJson, traceText } from '@nbdjs/recorder';
import { compactJson } from '../../render/exact-json.ts';
import { printable } from '../../render/printable.ts';
import type { Terminal } from '../../terminal.ts';

/** With more than this unprinted, what is listened to waits, in characters. */
const waitingMax = 256 * 1024;

export class TracePrinter {
  readonly #terminal: Terminal;
  readonly #isJson: boolean;
  readonly #collector: MessageCollector;
  #text = '';
  #printing: Promise<void> | undefined;

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal;
    this.#isJson = isJson;
    this.#collector = new MessageCollector((message) =>
      this.line(isJson ? compactJson(traceJson(message)) : printable(traceText(message))),
    );
  }

  /** Prints an entry, or the message that it completes. */
  add(entry: ReadEntry): void {
    this.#collector.add(entry);
    const event = this.#isJson ? eventJson(entry) : eventText(entry);
    if (event !== undefined) this.line(typeof event === 'string' ? printable(event) : compactJson(event));
  }

  /** Prints a line. */
  line(line: string): void {
    this.#text += `${line}\n`;
    this.#printing ??= this.#print();
  }

  /** A promise while so much is unprinted that there should not be more. */
  get hold(): Promise<void> | undefined {
    return this.#text.length > waitingMax ? this.#printing : undefined;
  }

  /** Waits until all is printed. */
  async finish(): Promise<void> {
    while (this.#printing !== undefined) await this.#printing;
  }

  async #print(): Promise<void> {
    // What else happens in this turn is printed with it.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#text !== '') {
      const text = this.#text;
      this.#text = '';
      await this.#terminal.print(text);
    }
    this.#printing = undefined;
  }
}
