/** Writes a recording. */
import { defineOptions, hexOf, type OptionsOf, option } from '@nbdjs/kit';
import { encodeEntry } from './encode-entry.ts';
import type { ConnectionEntry, OpenEntry, RecordingEntry } from './entry.ts';
import { recordingHead } from './format.ts';
import type { SessionLog } from './session-log.ts';

/** Where a recording goes. Both methods are synchronous: what is slow there slows the session down, instead of filling memory. */
export interface RecordingTarget {
  /** Takes the next bytes of the present part. Borrowed. */
  write(bytes: Uint8Array): void;
  /** Begins a new part, which is empty. Of the parts before, only the last is kept. */
  nextPart(): void;
}

/** The options of a `Recording` as data. */
export const recordingOptions = defineOptions({
  /**
   * The greatest length of all parts together, in bytes. Where the last bytes are kept, a new part is begun at half of it.
   * @default no limit
   */
  bytesMax: option.bytes({
    least: 65_536,
    doc: 'The greatest length of all parts together. Where the last bytes are kept, a new part is begun at half of it.',
    defaultText: 'no limit',
  }),
  /**
   * What is kept of a session that is too long for `bytesMax`: its `first` bytes, with a mark at the end; or the `last` ones, at least
   * a third of `bytesMax`.
   * @default 'last'
   */
  keep: option.oneOf(['first', 'last'], {
    default: 'last',
    doc: 'What is kept of a session that is too long for `bytesMax`: its `first` bytes, with a mark at the end; or the `last` ones.',
  }),
});

/** How long a recording may become. */
export interface RecordingOptions extends OptionsOf<typeof recordingOptions> {}

/** Room for the mark at the end, in bytes. */
const endBytes = 64;

/** Writes the entries of a `SessionLog`, in parts that can be read one without the other. */
export class Recording {
  readonly #target: RecordingTarget;
  readonly #log: Pick<SessionLog, 'started' | 'payload' | 'time'>;
  readonly #settings: ReturnType<typeof recordingOptions.resolve>;
  readonly #id = hexOf(crypto.getRandomValues(new Uint8Array(8)));
  /** The connections that a new part has to introduce again. */
  readonly #open = new Map<number, OpenEntry>();
  #part = 0;
  #partBytes = 0;
  #state: 'open' | 'full' | 'closed' = 'open';

  /**
   * @param log The log whose entries it is given.
   * @throws UsageError for an option that is wrong, and what the target throws.
   */
  constructor(
    target: RecordingTarget,
    log: Pick<SessionLog, 'started' | 'payload' | 'time'>,
    options: RecordingOptions = {},
  ) {
    this.#settings = recordingOptions.resolve('Recording', options);
    this.#target = target;
    this.#log = log;
    this.#begin();
  }

  /** Whether it has ended because it was as long as it may be. */
  get isFull(): boolean {
    return this.#state === 'full';
  }

  /** Writes an entry. After the end it is dropped. */
  add(entry: ConnectionEntry): void {
    if (this.#state !== 'open') return;
    if (entry.type === 'open') this.#open.set(entry.connection, entry);
    else if (entry.type === 'close') this.#open.delete(entry.connection);
    const bytes = encodeEntry(entry);
    if (this.#partBytes + bytes.length > this.#partBytesMax) {
      if (this.#settings.keep === 'first') {
        this.#write({ type: 'end', time: this.#log.time, isFull: true });
        this.#state = 'full';
        return;
      }
      this.#nextPart(entry);
    }
    this.#put(bytes);
  }

  /** Marks the end. */
  close(): void {
    if (this.#state === 'open') this.#write({ type: 'end', time: this.#log.time, isFull: false });
    this.#state = 'closed';
  }

  get #partBytesMax(): number {
    const { bytesMax = Number.POSITIVE_INFINITY, keep } = this.#settings;
    return (keep === 'first' ? bytesMax : Math.floor(bytesMax / 2)) - endBytes;
  }

  #begin(): void {
    const { started, payload } = this.#log;
    this.#partBytes = 0;
    this.#put(recordingHead);
    this.#write({ type: 'start', started, part: this.#part, id: this.#id, payload });
  }

  #nextPart(entry: ConnectionEntry): void {
    this.#target.nextPart();
    this.#part++;
    this.#begin();
    for (const open of this.#open.values())
      if (open !== entry) this.#write({ ...open, time: entry.time, resumed: true });
  }

  #write(entry: RecordingEntry): void {
    this.#put(encodeEntry(entry));
  }

  #put(bytes: Uint8Array): void {
    this.#target.write(bytes);
    this.#partBytes += bytes.length;
  }
}
