/** The requests of a session that have not been answered. */
import { Command } from '@nbdjs/protocol';

/** What is known of a request. */
export interface Request {
  /** Chosen by the client; it repeats itself in a long session. */
  readonly cookie: bigint;
  /** `Command` */
  readonly command: number;
  /** `CommandFlag`s */
  readonly flags: number;
  /** In bytes; 0 for commands without a range. */
  readonly offset: bigint;
  /** In bytes. */
  readonly length: bigint;
}

/** Requests by their cookies. Where a client uses one twice at a time, the older request is answered first. */
export class RequestsInFlight {
  readonly #byCookie = new Map<bigint, Request | readonly Request[]>();
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  add(request: Request): void {
    const before = this.#byCookie.get(request.cookie);
    this.#byCookie.set(request.cookie, before === undefined ? request : [...listOf(before), request]);
    this.#count++;
  }

  /** Returns the request that a reply with this cookie answers. */
  find(cookie: bigint): Request | undefined {
    const found = this.#byCookie.get(cookie);
    return isList(found) ? found[0] : found;
  }

  /** The request with this cookie is answered completely, or was never passed on. */
  remove(request: Request): void {
    const found = this.#byCookie.get(request.cookie);
    if (found === undefined) return;
    if (found === request) {
      this.#byCookie.delete(request.cookie);
      this.#count--;
      return;
    }
    const rest = listOf(found).filter((one) => one !== request);
    this.#count -= listOf(found).length - rest.length;
    const [first, ...others] = rest;
    if (first === undefined) this.#byCookie.delete(request.cookie);
    else this.#byCookie.set(request.cookie, others.length === 0 ? first : rest);
  }
}

function listOf(found: Request | readonly Request[]): readonly Request[] {
  return isList(found) ? found : [found];
}

function isList(found: Request | readonly Request[] | undefined): found is readonly Request[] {
  return Array.isArray(found);
}

/** Bytes of data that a simple reply to a request has, if it is a success. */
export function simpleDataBytes(request: Request | undefined): number {
  return request?.command === Command.Read ? Number(request.length) : 0;
}
