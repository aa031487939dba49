/** Gives the replies of a recording their requests again. */
import { ChunkFlag, Command } from '@nbdjs/protocol';
import type { Frame } from '../decoding/frame.ts';
import { readRequestHeader } from '../decoding/request-header.ts';
import { RequestsInFlight } from '../decoding/requests-in-flight.ts';
import type { FrameEntry, ReadEntry } from './entry.ts';

/** A recording has no more requests in flight than a session may have, unless it was made to harm. */
const requestsMax = 2 ** 17;
/** The same for connections. */
const connectionsMax = 2 ** 16;

/** Yields the entries, replies with the requests that they answer. */
export async function* matchRequests(entries: AsyncIterable<ReadEntry>): AsyncGenerator<ReadEntry, void, void> {
  const matcher = new RequestMatcher();
  for await (const entry of entries) yield matcher.match(entry);
}

class RequestMatcher {
  readonly #connections = new Map<number, RequestsInFlight>();

  /** Returns the entry, and the frame of a request or a reply with its request. */
  match(entry: ReadEntry): ReadEntry {
    if (entry.type === 'close') this.#connections.delete(entry.connection);
    if (entry.type !== 'frame') return entry;
    const request = this.#requestOf(entry);
    return request === undefined ? entry : { ...entry, frame: { ...entry.frame, request } };
  }

  #requestOf({ connection, frame }: FrameEntry): Frame['request'] {
    const { kind, wire } = frame;
    if (kind !== 'request' && kind !== 'simple-reply' && kind !== 'chunk') return undefined;
    const requests = this.#of(connection);
    const view = new DataView(wire.buffer, wire.byteOffset, wire.length);
    if (kind === 'request') {
      const request = readRequestHeader(view);
      const isAnswered = request !== undefined && request.command !== Command.Disconnect;
      if (isAnswered && requests.count < requestsMax) requests.add(request);
      return request;
    }
    if (wire.length < 16) return undefined;
    const request = requests.find(view.getBigUint64(8));
    const isLast = kind === 'simple-reply' || (view.getUint16(4) & ChunkFlag.Done) !== 0;
    if (request !== undefined && isLast) requests.remove(request);
    return request;
  }

  #of(connection: number): RequestsInFlight {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    if (this.#connections.size >= connectionsMax) this.#connections.clear();
    const made = new RequestsInFlight();
    this.#connections.set(connection, made);
    return made;
  }
}
