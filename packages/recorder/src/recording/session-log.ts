/** What happens to the sessions of a proxy, as entries. */
import { type Clock, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { Frame, FrameHandler, Side } from '../decoding/frame.ts';
import { type ConnectionEntry, type PayloadKeeping, payloadKeepings } from './entry.ts';
import { pieceBytesMax } from './format.ts';

/** Computes a SHA-256. */
export interface PayloadHash {
  /** Adds bytes. Borrowed. */
  update(bytes: Uint8Array): unknown;
  /** Returns 32 bytes. */
  digest(): Uint8Array;
}

/** The options of a `SessionLog` as data. */
export const sessionLogOptions = defineOptions({
  /** How much of the payload of each message is kept: none of it, its SHA-256, or all of it. @default 'none' */
  payload: option.oneOf(payloadKeepings, {
    default: 'none',
    doc: 'How much of the payload of each message is kept: none of it, its SHA-256, or all of it.',
  }),
  /** Makes a SHA-256; `payload: 'hash'` needs it. With Node, it is `() => createHash('sha256')`. */
  createHash: option.callback<() => PayloadHash>({
    doc: "Makes a SHA-256; `payload: 'hash'` needs it. With Node, it is `() => createHash('sha256')`.",
  }),
  /** Time. */
  clock: option.object<Clock>({ required: true, doc: 'Time.' }),
  /** When the log begins, in milliseconds since 1970. */
  startedMs: option.milliseconds({ required: true, doc: 'When the log begins, since 1970.' }),
});

/** What a `SessionLog` keeps. */
export interface SessionLogOptions extends OptionsOf<typeof sessionLogOptions> {}

/** Makes entries of what a `SessionDecoder` reports about each connection. */
export class SessionLog {
  /** When it began, in ISO 8601. */
  readonly started: string;
  readonly #sink: (entry: ConnectionEntry) => void;
  readonly #settings: ReturnType<typeof sessionLogOptions.resolve>;
  readonly #beginMs: number;
  #connectionCount = 0;

  /**
   * @param sink Called with each entry. The bytes of a payload are borrowed.
   * @throws UsageError for an option that is wrong.
   */
  constructor(sink: (entry: ConnectionEntry) => void, options: SessionLogOptions) {
    this.#settings = sessionLogOptions.resolve('SessionLog', options);
    const { payload, createHash, clock, startedMs } = this.#settings;
    if (payload === 'hash' && createHash === undefined) {
      throw new UsageError('ERR_NBD_ARGUMENT', "SessionLog: payload 'hash' needs createHash");
    }
    this.#sink = sink;
    this.#beginMs = clock.now();
    this.started = new Date(startedMs).toISOString();
  }

  /** How much of the payload of each message is kept. */
  get payload(): PayloadKeeping {
    return this.#settings.payload;
  }

  /** The present time, in microseconds since it began. */
  get time(): number {
    return Math.round((this.#settings.clock.now() - this.#beginMs) * 1000);
  }

  /** Begins a connection. Connections are numbered from 1 on. */
  connection(client: string, server: string): ConnectionLog {
    const connection = ++this.#connectionCount;
    const { payload, createHash } = this.#settings;
    const log = new ConnectionLog(
      connection,
      payload === 'full',
      payload === 'hash' ? createHash : undefined,
      ({ type, ...rest }) => this.#sink({ type, time: this.time, connection, ...rest } as ConnectionEntry),
    );
    this.#sink({ type: 'open', time: this.time, connection, client, server });
    return log;
  }
}

/** An entry without what is the same in all entries of a connection. */
type PartialEntry<Entry = ConnectionEntry> = Entry extends unknown ? Omit<Entry, 'time' | 'connection'> : never;

const noDigest = new Uint8Array(0);

/** The log of one connection; the listener of a relay. */
export class ConnectionLog implements FrameHandler {
  /** The connection's number, from 1 on. */
  readonly number: number;
  readonly #keepsPayload: boolean;
  readonly #createHash: (() => PayloadHash) | undefined;
  readonly #add: (entry: PartialEntry) => void;
  /** Of the payload under way. */
  readonly #hashes: Partial<Record<Side, PayloadHash | undefined>> = {};
  readonly #hasPayload = { client: false, server: false };

  /** @internal */
  constructor(
    number: number,
    keepsPayload: boolean,
    createHash: (() => PayloadHash) | undefined,
    add: (entry: PartialEntry) => void,
  ) {
    this.number = number;
    this.#keepsPayload = keepsPayload;
    this.#createHash = createHash;
    this.#add = add;
  }

  frame(frame: Frame): void {
    const hasPayload = frame.payloadBytes > 0;
    this.#hasPayload[frame.side] = hasPayload;
    this.#hashes[frame.side] = hasPayload ? this.#createHash?.() : undefined;
    this.#add({ type: 'frame', frame });
  }

  payload(side: Side, bytes: Uint8Array): void {
    this.#hashes[side]?.update(bytes);
    if (!this.#keepsPayload) return;
    for (let at = 0; at < bytes.length; at += pieceBytesMax) {
      this.#add({ type: 'payload', side, bytes: bytes.subarray(at, at + pieceBytesMax) });
    }
  }

  frameEnd(side: Side, payloadBytes: number): void {
    if (!this.#hasPayload[side]) return;
    // Not a `Buffer`, which has methods that differ.
    const digest = new Uint8Array(this.#hashes[side]?.digest() ?? noDigest);
    this.#hashes[side] = undefined;
    this.#add({ type: 'frame-end', side, payloadBytes, digest });
  }

  /** Something was done to a message; one line. */
  fault(text: string): void {
    this.#add({ type: 'fault', text });
  }

  /** A side sends no more. */
  sideEnd(side: Side): void {
    this.#add({ type: 'side-end', side });
  }

  /** The connection is closed; `reason` is empty for an orderly end. */
  close(reason: string): void {
    this.#add({ type: 'close', reason });
  }
}
