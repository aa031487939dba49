/** Entries, joined to whole messages. */
import { hexOf } from '@nbdjs/kit';
import type { Frame, Side } from '../decoding/frame.ts';
import { ContextNames } from '../messages/contexts.ts';
import type { Message } from '../messages/message.ts';
import { readMessage } from '../messages/read-message.ts';
import type { FrameEndEntry, FrameEntry, ReadEntry } from '../recording/entry.ts';

/** A message that is complete. */
export interface TracedMessage {
  /** When it began, in microseconds since the log began. */
  readonly time: number;
  /** When its last byte came. */
  readonly endTime: number;
  /** The number of its connection. */
  readonly connection: number;
  /** Its bytes. */
  readonly frame: Frame;
  /** Its fields. */
  readonly message: Message;
  /** Bytes of payload that have come; fewer than announced where the stream has ended. */
  readonly payloadBytes: number;
  /** The SHA-256 of the payload as hexadecimal digits, where it was computed. */
  readonly sha256?: string | undefined;
  /** Whether it has not ended: its rest has no known end, or the recording was cut. */
  readonly isOpen: boolean;
}

/** What is known of a connection while its entries come. */
interface Connection {
  readonly contexts: ContextNames;
  readonly open: Partial<Record<Side, FrameEntry>>;
}

/** A trace of more connections at a time was made to harm. */
const connectionsMax = 2 ** 16;

/** Joins the entries of a log or a recording to messages. Keeps one message of each side of each connection, and no payload. */
export class MessageCollector {
  readonly #sink: (message: TracedMessage) => void;
  readonly #connections = new Map<number, Connection>();

  /** `sink` is called with each message when it is complete; with one without a known end at once. */
  constructor(sink: (message: TracedMessage) => void) {
    this.#sink = sink;
  }

  /** Takes the next entry. Those that are about no message are ignored. */
  add(entry: ReadEntry): void {
    if (entry.type === 'frame') this.#begin(entry);
    else if (entry.type === 'frame-end') this.#end(entry);
    else if (entry.type === 'close') this.#connections.delete(entry.connection);
  }

  #begin(entry: FrameEntry): void {
    const { connection, frame, time } = entry;
    if (frame.payloadBytes > 0 && Number.isFinite(frame.payloadBytes)) this.#of(connection).open[frame.side] = entry;
    else this.#report(entry, { endTime: time, payloadBytes: 0, isOpen: frame.payloadBytes > 0 });
  }

  #end({ connection, side, time, payloadBytes, digest }: FrameEndEntry): void {
    const { open } = this.#of(connection);
    const begun = open[side];
    // The beginning may be in a part that is not there any more.
    if (begun === undefined) return;
    delete open[side];
    const hash = digest.length > 0 ? { sha256: hexOf(digest) } : {};
    this.#report(begun, { endTime: time, payloadBytes, isOpen: false, ...hash });
  }

  #report(
    { time, connection, frame }: FrameEntry,
    end: Pick<TracedMessage, 'endTime' | 'payloadBytes' | 'isOpen' | 'sha256'>,
  ): void {
    const message = this.#of(connection).contexts.name(readMessage(frame));
    this.#sink({ time, connection, frame, message, ...end });
  }

  #of(connection: number): Connection {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    if (this.#connections.size >= connectionsMax) this.#connections.clear();
    const made: Connection = { contexts: new ContextNames(), open: {} };
    this.#connections.set(connection, made);
    return made;
  }
}
