/** A listener to an NBD session: bytes of both sides in, messages out. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { ClientMessages } from './client-messages.ts';
import type { FrameHandler, Side } from './frame.ts';
import type { Request } from './requests-in-flight.ts';
import { ServerMessages } from './server-messages.ts';
import { SessionState } from './session-state.ts';
import { SideDecoder } from './side-decoder.ts';

/** The options of a `SessionDecoder` as data. */
export const sessionDecoderOptions = defineOptions({
  /** Where listening begins: with the server's greeting, or behind the handshake, with the first request. @default 'greeting' */
  from: option.oneOf(['greeting', 'requests'], {
    default: 'greeting',
    doc: "Where listening begins: with the server's greeting, or behind the handshake, with the first request.",
  }),
  /**
   * Bytes that are kept of the content of one message: of an option, an option reply, a block status. What is longer passes as payload.
   * @default 65536
   */
  contentBytesMax: option.bytes({
    default: 65_536,
    least: 256,
    doc: 'What is kept of the content of one message: of an option, an option reply, a block status. What is longer passes as payload.',
  }),
  /** Requests without an answer; with more, the session is not decoded any more. @default 65536 */
  requestsMax: option.count({
    default: 65_536,
    least: 1,
    doc: 'Requests without an answer; with more, the session is not decoded any more.',
  }),
  /** Options without an answer; with more, the session is not decoded any more. @default 1024 */
  optionsMax: option.count({
    default: 1024,
    least: 1,
    doc: 'Options without an answer; with more, the session is not decoded any more.',
  }),
});

/** How much a `SessionDecoder` keeps. */
export interface SessionDecoderOptions extends OptionsOf<typeof sessionDecoderOptions> {}

/**
 * Listens to both sides of a session and cuts their bytes into messages. It follows the negotiation, trusts neither side, holds no
 * payload, and never throws: what is no message is reported as such, and so is everything behind it. The messages are the same however the
 * bytes are cut.
 *
 * Bytes have to be given in an order that was possible: those of a request before those of its reply.
 */
export class SessionDecoder {
  readonly #state: SessionState;
  readonly #sides: Readonly<Record<Side, SideDecoder>>;

  /** @throws UsageError for an option that is wrong. */
  constructor(handler: FrameHandler, options: SessionDecoderOptions = {}) {
    const { contentBytesMax, from, ...limits } = sessionDecoderOptions.resolve('SessionDecoder', options);
    const state = new SessionState(limits);
    const hasGreeted = from === 'requests';
    this.#state = state;
    this.#sides = {
      client: new SideDecoder('client', new ClientMessages(state, contentBytesMax, hasGreeted), handler),
      server: new SideDecoder('server', new ServerMessages(state, contentBytesMax, hasGreeted), handler),
    };
  }

  /** The kind of replies that both sides have agreed on so far. */
  get mode(): HeaderMode {
    return this.#state.mode;
  }

  /** Requests that have no complete answer. */
  get requestsInFlight(): number {
    return this.#state.requests.count;
  }

  /** Whether all that has come from a side are whole messages, so that a message of another origin could be put in. */
  isBetweenMessages(side: Side): boolean {
    return this.#sides[side].isBetweenMessages;
  }

  /** The next bytes of a side. Borrowed. */
  push(side: Side, bytes: Uint8Array): void {
    this.#sides[side].push(bytes);
  }

  /** A side sends no more. */
  end(side: Side): void {
    this.#sides[side].end();
  }

  /** The server does not answer this request: it was not passed on, or was answered in its place. */
  forgetRequest(request: Request): void {
    this.#state.requests.remove(request);
  }

  /** The same for an option. */
  forgetOption(option: number): void {
    this.#state.forgetOption(option);
  }
}
