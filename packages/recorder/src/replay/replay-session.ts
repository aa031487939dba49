/** A connection over which recorded requests are sent again. */
import { type ByteSink, ConnectionLostError, type Established } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import type { Frame, FrameHandler, Side } from '../decoding/frame.ts';
import type { Request } from '../decoding/requests-in-flight.ts';
import { SessionDecoder } from '../decoding/session-decoder.ts';
import type { Message } from '../messages/message.ts';
import { readMessage } from '../messages/read-message.ts';
import { type Answer, AnswerBuilder } from './answer.ts';
import { encodeRequest } from './encode-request.ts';

/** An answer that has come. */
export interface ReplayedAnswer {
  readonly answer: Answer;
  /** The data of a read in one piece, zeroes for holes; `undefined` for other requests. */
  readonly data: Uint8Array | undefined;
}

/** A request that was sent and has no complete answer. */
interface Waiting {
  readonly builder: AnswerBuilder;
  readonly data: Uint8Array | undefined;
  readonly resolve: (answer: ReplayedAnswer) => void;
  readonly reject: (error: Error) => void;
}

const memoryBytes = 256 * 1024;
const disconnect: Request = { cookie: 0n, command: Command.Disconnect, flags: 0, offset: 0n, length: 0n };

export class ReplaySession implements FrameHandler, ByteSink {
  readonly #established: Established;
  readonly #decoder = new SessionDecoder(this, { from: 'requests' });
  readonly #contexts: ReadonlyMap<number, string>;
  readonly #waiting = new Map<Request, Waiting>();
  readonly #memory = new Uint8Array(memoryBytes);
  /** The server's message under way. */
  #frame: Frame | undefined;
  /** Where the next bytes of its data belong. */
  #target: Uint8Array | undefined;
  /** The request that is being sent, as the decoder has it. */
  #sent: Request | undefined;
  #cookie = 0n;
  #error: Error | undefined;
  #drained: (() => void) | undefined;

  constructor(established: Established) {
    this.#established = established;
    this.#contexts = new Map(established.facts.contexts.map(({ id, name }) => [id, name]));
    if (established.excess.length > 0) this.#decoder.push('server', established.excess);
    established.channel.open(this);
  }

  /** Whether a request can be sent over this connection: one of 4 GiB and more needs extended headers. */
  canSend({ length }: Request): boolean {
    return this.#established.facts.mode === 'extended' || length < 2n ** 32n;
  }

  /**
   * Sends a request with a cookie of our own, and waits until the channel takes more. The answer comes later, or an error.
   *
   * @throws ConnectionLostError
   */
  async send(request: Request, payload: Uint8Array | undefined): Promise<{ readonly answer: Promise<ReplayedAnswer> }> {
    if (this.#error !== undefined) throw this.#error;
    const header = encodeRequest(request, ++this.#cookie, this.#established.facts.mode);
    this.#decoder.push('client', header);
    if (payload !== undefined) this.#decoder.push('client', payload);
    const sent = this.#sent;
    if (sent === undefined) throw new Error('a request that was just written cannot be read');
    const answer = new Promise<ReplayedAnswer>((resolve, reject) => {
      const data = sent.command === Command.Read ? new Uint8Array(Number(sent.length)) : undefined;
      this.#waiting.set(sent, { builder: new AnswerBuilder(sent), data, resolve, reject });
    });
    // It is awaited when the recording has the answer.
    answer.catch(() => {});
    if (!this.#established.channel.send(payload === undefined ? [header] : [header, payload])) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    return { answer };
  }

  /** Ends the connection in good order. */
  async close(): Promise<void> {
    const { channel, facts } = this.#established;
    if (this.#error === undefined) channel.send([encodeRequest(disconnect, ++this.#cookie, facts.mode)]);
    channel.end();
    this.#fail('it was closed');
    await channel.closed;
  }

  /** Ends it at once. */
  destroy(): void {
    this.#established.channel.destroy();
  }

  frame(frame: Frame): void {
    if (frame.side === 'client') {
      this.#sent = frame.request;
      return;
    }
    this.#frame = frame;
    if (frame.kind === 'undecoded') this.#fail(frame.note ?? 'its bytes are no replies');
    this.#target = this.#targetOf(frame);
  }

  payload(side: Side, bytes: Uint8Array): void {
    const target = this.#target;
    if (side === 'client' || target === undefined) return;
    target.set(bytes.subarray(0, target.length));
    this.#target = target.subarray(Math.min(bytes.length, target.length));
  }

  frameEnd(side: Side, payloadBytes: number): void {
    const frame = this.#frame;
    if (side === 'client' || frame?.request === undefined) return;
    const waiting = this.#waiting.get(frame.request);
    if (waiting === undefined) return;
    const message = this.#named(readMessage(frame));
    waiting.builder.add(message, { payloadBytes });
    if (frame.kind !== 'simple-reply' && message.done !== true) return;
    this.#waiting.delete(frame.request);
    waiting.resolve({ answer: waiting.builder, data: waiting.data });
  }

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    this.#decoder.push('server', this.#memory.subarray(0, byteCount));
  }

  drained(): void {
    this.#drained?.();
    this.#drained = undefined;
  }

  ended(cause?: Error): void {
    this.#fail(cause?.message ?? 'the server has closed it', cause);
  }

  /** Where the payload of a message belongs in the data of its request. */
  #targetOf(frame: Frame): Uint8Array | undefined {
    const { request, payloadBytes } = frame;
    const data = request && this.#waiting.get(request)?.data;
    if (request === undefined || data === undefined || payloadBytes === 0) return undefined;
    const at = Number((readMessage(frame).offset ?? request.offset) - request.offset);
    return at < 0 || at >= data.length ? undefined : data.subarray(at);
  }

  #named(message: Message): Message {
    const context = message.contextId === undefined ? undefined : this.#contexts.get(message.contextId);
    return context === undefined ? message : { ...message, context };
  }

  #fail(why: string, cause?: Error): void {
    this.#error ??= new ConnectionLostError('unknown', `the connection is lost: ${why}`, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#error);
    this.#waiting.clear();
    this.drained();
  }
}
