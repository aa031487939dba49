/** Writes a recording. */
import { defineOptions, hexOf, type OptionsOf, option } from '@nbdjs/kit';
import { EntryEncoder } from './encode-entry.ts';
import type { ConnectionEntry, OpenEntry, RecordingEntry } from './entry.ts';
import { pieceBytesMax, recordingHead } from './format.ts';
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
   * The greatest length of all parts together, in bytes. Where the last bytes are kept, a new part is begun at half of it, so it has to be
   * more than twice what the log keeps of the content of one message.
   * @default no limit
   */
  bytesMax: option.bytes({
    least: 262_144,
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
  readonly #encoder = new EntryEncoder();
  readonly #id = hexOf(crypto.getRandomValues(new Uint8Array(8)));
  readonly #open = new Map<number, OpenEntry>();
  /** Those of them that the present part has named. */
  readonly #named = new Set<number>();
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
    const bytesMax = Math.min(pieceBytesMax, Math.floor(this.#partBytesMax / 4));
    if (entry.type === 'payload' && entry.bytes.length > bytesMax) {
      for (let at = 0; at < entry.bytes.length; at += bytesMax) {
        this.#addWhole({ ...entry, bytes: entry.bytes.subarray(at, at + bytesMax) });
      }
    } else this.#addWhole(entry);
  }

  #addWhole(entry: ConnectionEntry): void {
    if (this.#state !== 'open') return;
    const { type, connection } = entry;
    if (type === 'open') this.#open.set(connection, entry);
    let name = this.#nameOf(entry);
    let bytes = this.#encoder.encode(entry);
    if (this.#partBytes + name.length + bytes.length > this.#partBytesMax) {
      if (this.#settings.keep === 'first') {
        this.#write({ type: 'end', time: this.#log.time, isFull: true });
        this.#state = 'full';
        return;
      }
      this.#nextPart();
      name = this.#nameOf(entry);
      // The head of the part has used its memory.
      bytes = this.#encoder.encode(entry);
    }
    if (name.length > 0) this.#put(name);
    this.#put(bytes);
    this.#named.add(connection);
    if (type === 'close') {
      this.#open.delete(connection);
      this.#named.delete(connection);
    }
  }

  /**
   * Returns the record that has to stand before an entry, so that a part can be read alone. It is written for connections that say something:
   * thousands of silent ones could fill the part.
   */
  #nameOf({ type, time, connection }: ConnectionEntry): Uint8Array {
    const open = this.#open.get(connection);
    if (type === 'open' || open === undefined || this.#named.has(connection)) return new Uint8Array();
    // The entry itself is encoded in the same memory.
    return this.#encoder.encode({ ...open, time, resumed: true }).slice();
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

  #nextPart(): void {
    this.#target.nextPart();
    this.#part++;
    this.#named.clear();
    this.#begin();
  }

  #write(entry: RecordingEntry): void {
    this.#put(this.#encoder.encode(entry));
  }

  #put(bytes: Uint8Array): void {
    this.#target.write(bytes);
    this.#partBytes += bytes.length;
  }
}
