/** What a server has answered to one request, however it was cut into chunks. */
import { Command } from '@nbdjs/protocol';
import type { Request } from '../decoding/requests-in-flight.ts';
import type { Message, MessageExtent } from '../messages/message.ts';

/** A piece of the data of a read. */
export interface DataPiece {
  /** Where it begins, counted from the beginning of the request, in bytes. */
  readonly at: number;
  /** In bytes. */
  readonly length: number;
  /** The bytes, where they are known. */
  readonly bytes: Uint8Array | undefined;
  /** Their SHA-256 as hexadecimal digits, where that is known. */
  readonly sha256: string | undefined;
  /** Whether the server has said that all of it are zeroes. */
  readonly isHole: boolean;
}

/** An answer that is complete. */
export interface Answer {
  /** The name of the first error. */
  readonly error: string | undefined;
  /** The data of a read. */
  readonly pieces: readonly DataPiece[];
  /** The extents of a block status, by the names of the contexts. */
  readonly extents: ReadonlyMap<string, readonly MessageExtent[]>;
}

/** What is known of the payload of a message. */
export interface KnownPayload {
  /** How long it is, in bytes. */
  readonly payloadBytes: number;
  /** The payload itself. */
  readonly bytes?: Uint8Array | undefined;
  /** Its SHA-256 as hexadecimal digits. */
  readonly sha256?: string | undefined;
}

/** A server could send any number of contexts. */
const contextsMax = 64;

/** Joins the messages of an answer. */
export class AnswerBuilder implements Answer {
  error: string | undefined;
  readonly pieces: DataPiece[] = [];
  readonly extents = new Map<string, MessageExtent[]>();
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
  }

  /** Takes the next message. */
  add(message: Message, { payloadBytes, bytes, sha256 }: KnownPayload): void {
    this.error ??= message.error;
    if (message.extents !== undefined) this.#addExtents(message);
    const at = this.#placeOf(message);
    if (at === undefined) return;
    const isHole = message.name === 'OFFSET_HOLE';
    const length = isHole ? Number(message.length ?? 0n) : payloadBytes;
    if (length > 0) this.pieces.push({ at, length, bytes, sha256, isHole });
  }

  /** Where a message's data begins; `undefined` for one without data, or of another place of the export. */
  #placeOf({ kind, name, offset }: Message): number | undefined {
    const { command, offset: start, length } = this.#request;
    if (command !== Command.Read) return undefined;
    if (kind === 'simple-reply') return 0;
    if (offset === undefined || (name !== 'OFFSET_DATA' && name !== 'OFFSET_HOLE')) return undefined;
    return offset >= start && offset < start + length ? Number(offset - start) : undefined;
  }

  #addExtents({ context, contextId, extents = [] }: Message): void {
    const name = context ?? `context ${contextId}`;
    const list = this.extents.get(name);
    if (list !== undefined) list.push(...extents);
    else if (this.extents.size < contextsMax) this.extents.set(name, [...extents]);
  }
}
