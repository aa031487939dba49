/** Records as entries. */
import { frameKinds, type Side } from '../decoding/frame.ts';
import type { FrameEntry, OpenEntry, RecordingEntry, StartEntry } from './entry.ts';
import { payloadKeepings } from './entry.ts';
import { endlessPayload, recordTypes } from './format.ts';

const decoder = new TextDecoder();
const types: ReadonlyMap<number, RecordingEntry['type']> = new Map(
  Object.entries(recordTypes).map(([type, number]) => [number, type as RecordingEntry['type']]),
);

/**
 * Returns the entry of a record; `undefined` for a type of a later version, which is skipped. The memory of `body` belongs to the entry.
 *
 * @throws RangeError, SyntaxError or TypeError for a body that does not fit its type.
 */
export function decodeEntry(typeNumber: number, body: Uint8Array): RecordingEntry | undefined {
  const type = types.get(typeNumber);
  if (type === undefined) return undefined;
  if (type === 'start') return startOf(objectIn(body));
  const fields = new Fields(body);
  const time = Number(fields.u64());
  if (type === 'end') return { type, time, isFull: fields.u8() === 1 };
  const about = { time, connection: fields.u32() };
  switch (type) {
    case 'open':
      return openOf(about, objectIn(fields.rest()));
    case 'frame':
      return { type, ...about, frame: frameOf(fields) };
    case 'payload':
      return { type, ...about, side: fields.side(), bytes: fields.rest() };
    case 'frame-end':
      return { type, ...about, side: fields.side(), payloadBytes: Number(fields.u64()), digest: fields.rest() };
    case 'side-end':
      return { type, ...about, side: fields.side() };
    case 'fault':
      return { type, ...about, text: decoder.decode(fields.rest()) };
    case 'close':
      return { type, ...about, reason: decoder.decode(fields.rest()) };
  }
}

function frameOf(fields: Fields): FrameEntry['frame'] {
  const side = fields.side();
  const kind = frameKinds[fields.u8()] ?? 'undecoded';
  const payload = fields.u64();
  const note = decoder.decode(fields.take(fields.u16()));
  return {
    side,
    kind,
    wire: fields.rest(),
    payloadBytes: payload === endlessPayload ? Number.POSITIVE_INFINITY : Number(payload),
    ...(note === '' ? {} : { note }),
  };
}

type Json = Readonly<Record<string, unknown>>;

function objectIn(bytes: Uint8Array): Json {
  const value: unknown = JSON.parse(decoder.decode(bytes));
  if (typeof value === 'object' && value !== null) return value as Json;
  throw new TypeError('expected an object');
}

function startOf({ started, part, id, payload }: Json): StartEntry {
  const keeping = payloadKeepings.find((one) => one === payload);
  if (typeof started === 'string' && typeof part === 'number' && typeof id === 'string' && keeping !== undefined) {
    return { type: 'start', started, part, id, payload: keeping };
  }
  throw new TypeError('expected started, part, id and payload');
}

function openOf(about: Pick<OpenEntry, 'time' | 'connection'>, { client, server, resumed }: Json): OpenEntry {
  return {
    type: 'open',
    ...about,
    client: String(client),
    server: String(server),
    ...(resumed === true ? { resumed } : {}),
  };
}

/** Reads one field after the other. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#skip(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#skip(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#skip(8));
  }

  side(): Side {
    return this.u8() === 0 ? 'client' : 'server';
  }

  take(byteCount: number): Uint8Array {
    const at = this.#skip(byteCount);
    if (this.#at > this.#bytes.length) throw new RangeError('the record is too short');
    return this.#bytes.subarray(at, this.#at);
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(Math.min(this.#at, this.#bytes.length));
  }

  #skip(byteCount: number): number {
    const at = this.#at;
    this.#at += byteCount;
    return at;
  }
}
