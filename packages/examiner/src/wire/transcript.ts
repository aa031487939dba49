/** The bytes that were exchanged about one rule, as evidence: bounded, whatever a server sends. */
import { hexOf } from '@nbdjs/kit';

/** A message of the transcript. */
export interface Excerpt {
  /** Who has sent the bytes. `event`: nothing was sent, but something has happened, which `text` names. */
  readonly by: 'client' | 'server' | 'event';
  /** The connection, counted from 1: some rules need several. */
  readonly connection: number;
  /** How many bytes there were. */
  readonly length: number;
  /** The first of them, at most 64, as hexadecimal digits. */
  readonly hex: string;
  /** What has happened, where no bytes were sent. */
  readonly text?: string | undefined;
}

/** So many bytes of a message are kept. */
const bytesMax = 64;

/** So many messages are kept: the first ones of a connection are its greeting, and the last ones show what is wrong. */
const entriesMax = 40;

/** Keeps the end of what was exchanged. */
export class Transcript {
  #entries: Excerpt[] = [];
  #connections = 0;

  /** What was kept, in order. */
  get excerpts(): readonly Excerpt[] {
    return this.#entries;
  }

  /** Begins a connection, and returns its number. */
  connect(): number {
    return ++this.#connections;
  }

  /** Notes bytes of one side. Those that continue a message of the same side are counted to it until its excerpt is full. */
  note(by: 'client' | 'server', connection: number, bytes: Uint8Array): void {
    const last = this.#entries.at(-1);
    if (last !== undefined && last.by === by && last.connection === connection && last.length < bytesMax) {
      const hex = last.hex + hexOf(bytes.subarray(0, bytesMax - last.length));
      this.#entries[this.#entries.length - 1] = { ...last, length: last.length + bytes.length, hex };
      return;
    }
    this.#add({ by, connection, length: bytes.length, hex: hexOf(bytes.subarray(0, bytesMax)) });
  }

  /** Notes that something has happened. */
  noteEvent(connection: number, text: string): void {
    this.#add({ by: 'event', connection, length: 0, hex: '', text });
  }

  #add(entry: Excerpt): void {
    this.#entries.push(entry);
    if (this.#entries.length > entriesMax) this.#entries.shift();
  }
}
