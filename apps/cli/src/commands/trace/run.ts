/** `nbd trace`: reads a recording back. */
import {
  type CutEntry,
  type Exchange,
  ExchangeCollector,
  eventJson,
  eventText,
  MessageCollector,
  type ReadEntry,
  readRecordingFile,
  type TracedMessage,
  TraceFilter,
  TraceStatistics,
  traceJson,
  traceText,
} from '@nbdjs/recorder';
import { argumentError } from '../../errors/argument-error.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { compactJson, type JsonValue } from '../../render/exact-json.ts';
import { printable } from '../../render/printable.ts';
import type { Terminal } from '../../terminal.ts';
import type { TraceOptions } from './command.ts';
import { exchangeJson, exchangeText } from './exchange.ts';
import { figuresJson, figuresText } from './figures.ts';

/** So much is printed at a time, in characters. */
const batchLength = 64 * 1024;

export async function run({ terminal }: CommandContext, options: TraceOptions, file: string): Promise<number> {
  if (options.requests === true && options.stats === true) {
    throw argumentError('--requests and --stats exclude each other');
  }
  const cut = await new Trace(options, terminal).print(file);
  if (cut !== undefined) terminal.note(`nbd: ${file}: ${cut.reason}, after ${cut.position} bytes; the rest is missing`);
  return 0;
}

class Trace {
  readonly #filter: TraceFilter;
  readonly #options: TraceOptions;
  readonly #terminal: Terminal;
  readonly #statistics = new TraceStatistics();
  readonly #showsMessages: boolean;
  readonly #exchanges = new ExchangeCollector((exchange) => this.#takeExchange(exchange));
  readonly #messages = new MessageCollector((message) => this.#takeMessage(message));
  #text = '';

  constructor(options: TraceOptions, terminal: Terminal) {
    const { command: commands, offset, connection: connections, errors = false, slower: slowerMs } = options;
    this.#filter = new TraceFilter({ commands, offset, connections, errors, slowerMs });
    this.#options = options;
    this.#terminal = terminal;
    this.#showsMessages = options.requests !== true && options.stats !== true && !this.#filter.isAboutAnswers;
  }

  /** Returns where the recording ends, if it has no end. */
  async print(file: string): Promise<CutEntry | undefined> {
    let cut: CutEntry | undefined;
    try {
      for await (const entry of readRecordingFile(file)) {
        if (entry.type === 'cut') cut = entry;
        this.#add(entry);
        if (this.#text.length > batchLength) await this.#flush();
        this.#terminal.signal.throwIfAborted();
      }
    } catch (error) {
      throw systemErrorOf(file, error);
    }
    if (this.#options.stats === true) {
      const { figures } = this.#statistics;
      this.#text += this.#options.json === true ? `${compactJson(figuresJson(figures))}\n` : figuresText(figures);
    }
    await this.#flush();
    return cut;
  }

  #add(entry: ReadEntry): void {
    this.#messages.add(entry);
    if (!this.#showsMessages || ('connection' in entry && !this.#filter.takesConnection(entry.connection))) return;
    this.#line(eventJson(entry), () => eventText(entry));
  }

  #takeMessage(message: TracedMessage): void {
    this.#exchanges.add(message);
    if (this.#showsMessages && this.#filter.takesMessage(message))
      this.#line(traceJson(message), () => traceText(message));
  }

  #takeExchange(exchange: Exchange): void {
    if (!this.#filter.takesExchange(exchange)) return;
    if (this.#options.stats === true) this.#statistics.add(exchange);
    else if (!this.#showsMessages) this.#line(exchangeJson(exchange), () => exchangeText(exchange));
  }

  #line(json: JsonValue | undefined, text: () => string | undefined): void {
    const line = this.#options.json === true ? (json === undefined ? undefined : compactJson(json)) : text();
    if (line !== undefined) this.#text += `${this.#options.json === true ? line : printable(line)}\n`;
  }

  async #flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await this.#terminal.print(text);
  }
}
