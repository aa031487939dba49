/** The client's half of the handshake as a machine: bytes in, bytes and events out. */
import { type ExportFacts, type NbdError, ProtocolError, type TimeoutError, UsageError } from '@nbdjs/interfaces';
import { encodeName, GreetingBytes, Option, options } from '@nbdjs/protocol';
import { ScriptRunner } from '../script/script-runner.ts';
import { Conversation } from './conversation.ts';
import { endOfStream } from './end-of-stream.ts';
import type { HandshakeEvent } from './events.ts';
import { farewellMessages } from './farewell.ts';
import { type ClientHandshakeOptions, checkQueries, resolveOptions } from './options.ts';
import type { Order } from './orders.ts';
import { shakeHands } from './script.ts';
import { silence } from './silence.ts';
import { type HandshakeState, isFinal } from './states.ts';
import type { ClientNeed } from './steps.ts';

/**
 * Negotiates with a server, without sockets and clocks.
 *
 * Drive it like this: after every call that feeds it (`advance`, `receive`, `ended`, `tlsEstablished`, an option), send
 * `takeOutput` and read `nextEvent` until there is none. It never waits, never calls back, and throws only
 * `UsageError`, for calls out of turn; an error of the server becomes the event `failed`.
 */
export class ClientHandshake {
  readonly #conversation: Conversation;
  readonly #runner: ScriptRunner<ClientNeed, ExportFacts | undefined>;
  readonly #excess: Uint8Array[] = [];
  /** Memory for a byte that was not asked for. */
  readonly #overrun = new Uint8Array(1);
  #handedOver = false;

  /** @throws UsageError when an option is wrong. */
  constructor(options: ClientHandshakeOptions = {}) {
    const settings = resolveOptions(options);
    this.#conversation = new Conversation(settings);
    const bytesMax = Math.max(settings.limits.optionReplyBytesMax, GreetingBytes.oldstyleExport);
    this.#runner = new ScriptRunner(shakeHands(this.#conversation), bytesMax, {
      finish: (facts) => this.#finish(facts),
      fail: (error) => this.#fail(error),
    });
    this.#runner.resume();
  }

  /** Where the handshake is. It changes at once, before the event that reports the change is read. */
  get state(): HandshakeState {
    return this.#conversation.state;
  }

  /** Bytes to send now, oldest first; empties the queue. They stay unchanged. */
  takeOutput(): readonly Uint8Array[] {
    return this.#conversation.output.splice(0);
  }

  /** What happened next, oldest first; `undefined` when all events were read. */
  nextEvent(): HandshakeEvent | undefined {
    const event = this.#conversation.events.shift();
    if (event?.type !== 'established') return event;
    this.#handedOver = true;
    return { ...event, excess: this.#takeExcess() };
  }

  /**
   * Where the next bytes must land: as many as the current message lacks and no more, so that what follows stays with the kernel. When no
   * byte is expected it is one byte long, and a byte that lands there is a violation (or excess, once the handshake is over).
   */
  writable(): Uint8Array {
    return this.#runner.isReceiving ? this.#runner.writable() : this.#overrun;
  }

  /** `byteCount` bytes have landed at the start of what `writable` gave last. */
  advance(byteCount: number): void {
    if (this.#runner.isReceiving) this.#runner.advance(byteCount);
    else this.#overran(this.#overrun.subarray(0, byteCount));
  }

  /** Feeds a chunk of any length; the chunk is copied. Bytes after the end of the handshake become excess. */
  receive(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0 && this.#runner.isReceiving) {
      const target = this.writable();
      const piece = rest.subarray(0, target.length);
      target.set(piece);
      this.advance(piece.length);
      rest = rest.subarray(piece.length);
    }
    if (rest.length > 0) this.#overran(rest);
  }

  /** The stream has ended: in an orderly way, or by `cause` (a broken channel, a failed TLS handshake). */
  ended(cause?: Error): void {
    const { state } = this.#conversation;
    if (isFinal(state)) return;
    // A client that is leaving expects the server to be gone (C7).
    if (state === 'aborting') {
      this.#finish(undefined);
    } else {
      this.#conversation.farewell = 'none';
      this.#fail(endOfStream(this.#conversation, this.#runner.partial, cause));
    }
  }

  /**
   * The error for a server that is not waited for any longer after `timeoutMs` milliseconds. It names the step, and the option, without an
   * answer.
   */
  silence(timeoutMs: number): TimeoutError {
    return silence(this.#conversation, timeoutMs, this.#runner.partial.length > 0);
  }

  /** The transport answers the event `tls-upgrade`: from now on all bytes travel through TLS. */
  tlsEstablished(): void {
    if (this.#runner.need?.type !== 'upgrade') throw new UsageError('ERR_NBD_STATE', 'no upgrade to TLS is under way');
    this.#runner.resume();
  }

  /** Option mode: asks which exports there are. */
  list(): void {
    this.#order({ option: Option.List });
  }

  /** Option mode: asks about an export without opening it. */
  info(exportName: string = this.#conversation.settings.exportName): void {
    this.#order({ option: Option.Info, exportName });
  }

  /** Option mode: asks which contexts fit the queries; without queries, for all contexts. */
  listMetaContexts(exportName: string, queries: readonly string[] = []): void {
    this.#order({ option: Option.ListMetaContext, exportName, queries: checkQueries(queries) });
  }

  /** Option mode: replaces the selection of contexts; it counts only for this export. */
  setMetaContexts(exportName: string, queries: readonly string[]): void {
    if (this.#conversation.mode === 'simple') {
      throw new UsageError('ERR_NBD_STATE', 'metadata contexts need structured replies or extended headers first');
    }
    this.#order({ option: Option.SetMetaContext, exportName, queries: checkQueries(queries) });
  }

  /**
   * Option mode: opens an export. The contexts of the options are selected on the way, unless `setMetaContexts` has
   * been called for this export. After a refusal the handshake goes on: try another one.
   */
  go(exportName: string = this.#conversation.settings.exportName): void {
    this.#order({ option: Option.Go, exportName });
  }

  /** Option mode: asks for TLS; on consent the event `tls-upgrade` comes before `option-done`. */
  startTls(): void {
    if (this.#conversation.tls) throw new UsageError('ERR_NBD_STATE', 'TLS is running already');
    this.#order({ option: Option.StartTls });
  }

  /** Option mode: asks for structured replies. */
  structuredReplies(): void {
    if (this.#conversation.mode !== 'simple') {
      throw new UsageError(
        'ERR_NBD_STATE',
        `structured replies are agreed on already (mode ${this.#conversation.mode})`,
      );
    }
    this.#order({ option: Option.StructuredReply });
  }

  /** Option mode: asks for extended headers. */
  extendedHeaders(): void {
    if (this.#conversation.mode === 'extended') {
      throw new UsageError('ERR_NBD_STATE', 'extended headers are agreed on already');
    }
    this.#order({ option: Option.ExtendedHeaders });
  }

  /** Option mode: leaves. The event `ended` comes when the server has answered or hung up. */
  abort(): void {
    this.#order({ option: Option.Abort });
  }

  #order(order: Order): void {
    const name = options.name(order.option);
    const { need } = this.#runner;
    if (need?.type !== 'order') {
      throw new UsageError('ERR_NBD_STATE', `option ${name} is out of turn: the handshake is in state ${this.state}`);
    }
    if (this.#conversation.style !== 'newstyle-fixed' && order.option !== Option.Go && order.option !== Option.Abort) {
      const message = `option ${name} cannot be sent: the server does not offer the fixed newstyle handshake`;
      throw new UsageError('ERR_NBD_STATE', message);
    }
    if ('exportName' in order) encodeName(order.exportName);
    need.order = order;
    this.#runner.resume();
  }

  #finish(facts: ExportFacts | undefined): void {
    this.#runner.stop();
    const { events } = this.#conversation;
    if (facts === undefined) {
      this.#conversation.enter('ended', '');
      events.push({ type: 'ended' });
      return;
    }
    this.#conversation.enter('transmission', '');
    // The excess is filled in when the event is taken: it may arrive in the very chunk that is being looked at.
    events.push({ type: 'established', facts, excess: new Uint8Array(0) });
  }

  #fail(error: NbdError): void {
    this.#runner.stop();
    const { output, events } = this.#conversation;
    output.push(...farewellMessages(this.#conversation, error));
    // The connection is lost: an upgrade, and what was reported after it, must not be acted upon.
    const stale = events.findIndex((event) => event.type === 'tls-upgrade');
    if (stale >= 0) events.splice(stale);
    this.#conversation.enter('failed', '');
    events.push({ type: 'failed', error });
  }

  /** Takes bytes that were not asked for: excess once the handshake is over, else a violation. */
  #overran(bytes: Uint8Array): void {
    const { state } = this.#conversation;
    if (state === 'transmission') {
      if (this.#handedOver) throw new UsageError('ERR_NBD_STATE', 'the handshake is over: later bytes are not for it');
      this.#excess.push(bytes.slice());
    } else if (!isFinal(state)) {
      this.#fail(unsolicited(state, bytes));
    }
  }

  #takeExcess(): Uint8Array {
    const whole = new Uint8Array(this.#excess.reduce((length, piece) => length + piece.length, 0));
    let position = 0;
    for (const piece of this.#excess.splice(0)) {
      whole.set(piece, position);
      position += piece.length;
    }
    return whole;
  }
}

/** The error for bytes that came out of turn. */
function unsolicited(state: HandshakeState, excerpt: Uint8Array): ProtocolError {
  if (state === 'tls') {
    const message = 'server sent clear text after its consent to TLS: it may be injected';
    return new ProtocolError('clear-text-behind-starttls', message, { phase: 'option', rule: 'S25', excerpt });
  }
  const message = 'server sent bytes although no option is outstanding';
  return new ProtocolError('unsolicited-bytes', message, { phase: 'option', rule: 'C4', excerpt });
}
