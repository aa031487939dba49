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
  /**
   * Returns the SHA-256 of a payload that has come in one piece, in new memory, where that is quicker than `createHash`. With Node, it is
   * `(bytes) => hash('sha256', bytes, 'buffer')`. @default none: `createHash` hashes all
   */
  hashWhole: option.callback<(bytes: Uint8Array) => Uint8Array>({
    doc: "Returns the SHA-256 of a payload that has come in one piece, in new memory, where that is quicker than `createHash`. With Node, it is `(bytes) => hash('sha256', bytes, 'buffer')`.",
    defaultText: 'none: `createHash` hashes all',
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
    this.#sink({ type: 'open', time: this.time, connection, client, server });
    return new ConnectionLog(connection, this, this.#settings, this.#sink);
  }
}

const noDigest = new Uint8Array(0);

/** The log of one connection; the listener of a relay. */
export class ConnectionLog implements FrameHandler {
  /** The connection's number, from 1 on. */
  readonly number: number;
  readonly #log: Pick<SessionLog, 'time'>;
  readonly #settings: PayloadSettings;
  readonly #sink: (entry: ConnectionEntry) => void;
  /** What is under way from each side. */
  readonly #payloads: Readonly<Record<Side, Payload>> = { client: noPayload(), server: noPayload() };

  /** @internal */
  constructor(
    number: number,
    log: Pick<SessionLog, 'time'>,
    settings: PayloadSettings,
    sink: (entry: ConnectionEntry) => void,
  ) {
    this.number = number;
    this.#log = log;
    this.#settings = settings;
    this.#sink = sink;
  }

  frame(frame: Frame): void {
    this.#payloads[frame.side].announcedBytes = frame.payloadBytes;
    this.#sink({ type: 'frame', time: this.#log.time, connection: this.number, frame });
  }

  payload(side: Side, bytes: Uint8Array): void {
    const { payload } = this.#settings;
    if (payload === 'hash') this.#addToHash(this.#payloads[side], bytes);
    if (payload !== 'full') return;
    for (let at = 0; at < bytes.length; at += pieceBytesMax) {
      const piece = bytes.subarray(at, at + pieceBytesMax);
      this.#sink({ type: 'payload', time: this.#log.time, connection: this.number, side, bytes: piece });
    }
  }

  frameEnd(side: Side, payloadBytes: number): void {
    const payload = this.#payloads[side];
    if (payload.announcedBytes === 0) return;
    const digest = this.#settings.payload === 'hash' ? this.#digestOf(payload) : noDigest;
    this.#sink({ type: 'frame-end', time: this.#log.time, connection: this.number, side, payloadBytes, digest });
  }

  /** Something was done to a message; one line. */
  fault(text: string): void {
    this.#sink({ type: 'fault', time: this.#log.time, connection: this.number, text });
  }

  /** A side sends no more. */
  sideEnd(side: Side): void {
    this.#sink({ type: 'side-end', time: this.#log.time, connection: this.number, side });
  }

  /** The connection is closed; `reason` is empty for an orderly end. */
  close(reason: string): void {
    this.#sink({ type: 'close', time: this.#log.time, connection: this.number, reason });
  }

  #addToHash(payload: Payload, bytes: Uint8Array): void {
    const { createHash, hashWhole } = this.#settings;
    if (hashWhole !== undefined && bytes.length === payload.announcedBytes) payload.digest = hashWhole(bytes);
    else {
      payload.hash ??= createHash?.();
      payload.hash?.update(bytes);
    }
  }

  #digestOf(payload: Payload): Uint8Array {
    const digest = payload.digest ?? (payload.hash ?? this.#settings.createHash?.())?.digest() ?? noDigest;
    payload.digest = undefined;
    payload.hash = undefined;
    // Not a `Buffer`, which has methods that differ.
    return new Uint8Array(digest);
  }
}

/** What a log does with payloads. */
type PayloadSettings = Pick<ReturnType<typeof sessionLogOptions.resolve>, 'payload' | 'createHash' | 'hashWhole'>;

/** The payload of a message under way. */
interface Payload {
  announcedBytes: number;
  /** Of a payload that came in one piece. */
  digest: Uint8Array | undefined;
  /** Of one that comes in several. */
  hash: PayloadHash | undefined;
}

function noPayload(): Payload {
  return { announcedBytes: 0, digest: undefined, hash: undefined };
}
