/** The last words of a program on its standard error, for the message of the error that it leaves behind. */
import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

/** What is kept, in bytes. Earlier output is dropped. */
const keptBytesMax = 4096;

/** What a message shows of it, in characters. */
const shownLengthMax = 1000;

export class StderrTail {
  readonly #stream: Readable;
  readonly #closed: Promise<void>;
  #finished: Promise<void> | undefined;
  #kept = Buffer.alloc(0);

  /** Reads the stream from now on, so that the program never waits for us. The stream does not keep the process alive. */
  constructor(stream: Readable & { unref?(): unknown }) {
    this.#stream = stream;
    stream.unref?.();
    stream.on('data', (bytes: Buffer) => {
      const all = Buffer.concat([this.#kept, bytes]);
      this.#kept = Buffer.from(all.subarray(Math.max(0, all.length - keptBytesMax)));
    });
    // A broken pipe tells as much as its end.
    stream.on('error', () => {});
    this.#closed = new Promise((resolve) => void stream.once('close', resolve));
  }

  /** Waits for the end of the output, but not for long: a process that the program has left behind may hold it open. */
  finish(withinMs: number): Promise<void> {
    this.#finished ??= this.#finish(withinMs);
    return this.#finished;
  }

  /** The last lines, joined to one; empty if there was no output. */
  get text(): string {
    const lines = stripVTControlCharacters(this.#kept.toString('utf8'))
      .split(/[\r\n]+/)
      .map((line) => line.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim())
      .filter((line) => line !== '');
    const text = lines.join('; ');
    return text.length > shownLengthMax ? `... ${text.slice(-shownLengthMax)}` : text;
  }

  async #finish(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#closed, expiry]);
    clearTimeout(timer);
    this.#stream.destroy();
  }
}
