/** The transmission phase on one connection: any request can be sent, and each reply is held to the form that all replies have. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { ChunkFlag, Command, commands } from '@nbdjs/protocol';
import { Fault } from '../examination/outcomes.ts';
import type { Facts } from './payloads.ts';
import { type Chunk, ReplyReader } from './reply-reader.ts';
import { encodeHeader, lengthOf, type Request } from './request.ts';
import type { Wire } from './wire.ts';

/** All that has answered one request. */
export interface Answer {
  readonly request: Request;
  readonly form: 'simple' | 'chunks';
  /** The first error, or 0. */
  readonly error: number;
  /** The bytes of a READ that was answered by a simple reply. */
  readonly data: Uint8Array;
  /** In the order in which they came; empty for a simple reply. */
  readonly chunks: readonly Chunk[];
}

/** A request whose answer is not complete. */
interface Pending {
  readonly request: Request;
  readonly cookie: bigint;
  readonly chunks: Chunk[];
}

/** A session that has entered the transmission phase. */
export class Session {
  readonly wire: Wire;
  readonly mode: HeaderMode;
  readonly facts: Facts;
  /** The contexts that were selected. */
  readonly contexts: readonly { readonly id: number; readonly name: string }[];
  readonly #reader: ReplyReader;
  /** In the order in which they were sent: several may have the same cookie. */
  #pending: Pending[] = [];
  #cookie = 0x6e62_646a_0000_0000n;

  constructor(wire: Wire, mode: HeaderMode, facts: Facts, contexts: Session['contexts']) {
    this.wire = wire;
    this.mode = mode;
    this.facts = facts;
    this.contexts = contexts;
    this.#reader = new ReplyReader(wire, mode);
    wire.farewell = encodeHeader({ command: Command.Disconnect }, 0n, mode === 'extended');
  }

  /** Sends requests in one go. */
  send(...requests: readonly Request[]): void {
    const chunks = requests.flatMap((request) => {
      const cookie = request.cookie ?? ++this.#cookie;
      if (request.command !== Command.Disconnect) this.#pending.push({ request, cookie, chunks: [] });
      const header = encodeHeader(request, cookie, this.mode === 'extended');
      return request.payload === undefined ? [header] : [header, request.payload];
    });
    this.wire.send(...chunks);
  }

  /** Sends one request, and resolves to its answer. */
  async ask(request: Request): Promise<Answer> {
    this.send(request);
    return await this.answer();
  }

  /** Resolves to the answer that is complete next, whichever request it belongs to. */
  async answer(): Promise<Answer> {
    for (;;) {
      const message = await this.#reader.next((cookie) => this.#simpleBytes(cookie));
      const index = this.#pending.findIndex(({ cookie }) => cookie === message.cookie);
      const pending = this.#pending[index];
      if (pending === undefined) {
        const text = `a reply has the cookie 0x${message.cookie.toString(16)}, which belongs to no request in flight`;
        throw new Fault(text, { level: 'MUST', rule: 'S37' });
      }
      const { request } = pending;
      if (message.type === 'simple') {
        this.#checkForm(pending, message.error);
        this.#pending.splice(index, 1);
        return { request, form: 'simple', error: message.error, data: message.content, chunks: [] };
      }
      this.#checkOffset(message, request);
      pending.chunks.push(message);
      if ((message.flags & ChunkFlag.Done) === 0) continue;
      this.#pending.splice(index, 1);
      const { chunks } = pending;
      const error = chunks.find((chunk) => chunk.error !== 0)?.error ?? 0;
      return { request, form: 'chunks', error, data: new Uint8Array(0), chunks };
    }
  }

  /** How many bytes follow a simple reply of no error. */
  #simpleBytes(cookie: bigint): number {
    const request = this.#pending.find((one) => one.cookie === cookie)?.request;
    return request?.command === Command.Read ? Number(lengthOf(request)) : 0;
  }

  /** An error of a READ in a simple reply is no reason to stop: the stream is in step, and `S38/read-errors-by-chunks` is about it. */
  #checkForm({ request, chunks }: Pending, error: number): void {
    const name = commands.name(request.command);
    if (this.mode === 'extended') {
      throw new Fault(`${name} is answered by a simple reply, with extended headers`, { level: 'MUST', rule: 'S70' });
    }
    if (chunks.length > 0) throw new Fault(`a simple reply follows chunks of the same reply`, { level: 'MUST' });
    if (this.mode === 'structured' && request.command === Command.Read && error === 0) {
      const message = 'READ is answered by a simple reply, with structured replies';
      throw new Fault(message, { level: 'MUST', rule: 'S38' });
    }
  }

  #checkOffset({ requestOffset }: Chunk, { offset = 0n }: Request): void {
    if (requestOffset === undefined || requestOffset === offset) return;
    throw new Fault(`a chunk names the offset ${requestOffset} for a request at ${offset}`, {
      level: 'MUST',
      rule: 'S70',
    });
  }
}
