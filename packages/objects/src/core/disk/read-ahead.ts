/** Finds reads in ascending order, and says what to read ahead: more, the longer they go on. */

interface Stream {
  /** Where the next read of it would begin. */
  end: number;
  /** How far ahead is read, in bytes. */
  window: number;
  /** What was read ahead already. */
  ahead: number;
}

/** Streams that are followed at a time. */
const streamsMax = 8;

export class StreamTracker {
  readonly #firstBytes: number;
  readonly #mostBytes: number;
  /** The one that was used last comes last. */
  #streams: Stream[] = [];

  /** `firstBytes`: the first window; it doubles with each read, up to `mostBytes`, which is 0 for none at all. */
  constructor(firstBytes: number, mostBytes: number) {
    this.#firstBytes = firstBytes;
    this.#mostBytes = mostBytes;
  }

  /** A read from `start` up to `end`. Returns what is to be read ahead, if anything. */
  note(start: number, end: number): { readonly from: number; readonly to: number } | undefined {
    if (this.#mostBytes === 0) return undefined;
    const index = this.#streams.findIndex((stream) => stream.end === start);
    if (index < 0) {
      this.#streams.push({ end, window: 0, ahead: end });
      if (this.#streams.length > streamsMax) this.#streams.shift();
      return undefined;
    }
    const [stream] = this.#streams.splice(index, 1) as [Stream];
    this.#streams.push(stream);
    stream.end = end;
    stream.window = Math.min(this.#mostBytes, stream.window === 0 ? this.#firstBytes : 2 * stream.window);
    const to = end + stream.window;
    const from = Math.max(stream.ahead, end);
    // Not for a few bytes each time.
    if (to - from < stream.window / 4) return undefined;
    stream.ahead = to;
    return { from, to };
  }
}
