/** The server's half of the handshake as a machine: bytes in, bytes and events out. */
import { ConnectError, NbdError, UsageError } from '@nbdjs/interfaces';
import { endInWords, isHangUp } from '@nbdjs/kit';
import type { ExportEntry } from '@nbdjs/protocol';
import { ScriptRunner } from '../script/script-runner.ts';
import { ServerConversation } from './conversation.ts';
import type { ServerHandshakeEvent } from './events.ts';
import type { Outcome } from './facts.ts';
import type { ExportOffer, Refusal } from './offer.ts';
import { serveHandshake } from './script.ts';
import { resolveServerOptions, type ServerHandshakeOptions } from './settings.ts';
import { type ServerHandshakeState, type ServerHandshakeTurn, serverHandshakeStates } from './states.ts';
import type { ServerNeed } from './steps.ts';

/** More than the longest of a server's messages of fixed length. In bytes. */
const fixedBytesMax = 64;

/** What `writable` returns when it is not the client's turn. */
const unused = new Uint8Array(1);

/**
 * Negotiates with a client, without sockets and clocks.
 *
 * Drive it like this: at the start, and after every call that feeds it (`advance`, `ended`, `offer`, `list`,
 * `tlsEstablished`), send `takeOutput` and read `nextEvent` until there is none. While it is the driver's turn, no bytes may be
 * fed. It never waits and never calls back; an error of the client becomes the event `failed`.
 */
export class ServerHandshake {
  readonly #conversation: ServerConversation;
  readonly #runner: ScriptRunner<ServerNeed, Outcome>;

  /** @throws UsageError when an option is wrong. */
  constructor(options: ServerHandshakeOptions = {}) {
    const settings = resolveServerOptions(options);
    this.#conversation = new ServerConversation(settings);
    const bytesMax = Math.max(settings.limits.optionBytesMax, fixedBytesMax);
    this.#runner = new ScriptRunner(serveHandshake(this.#conversation), bytesMax, {
      finish: (outcome) => this.#finish(outcome),
      fail: (error) => this.#fail(error),
    });
    this.#runner.resume();
  }

  /** Where the handshake is. It changes at once, before the event that reports the change is read. */
  get state(): ServerHandshakeState {
    return this.#conversation.state;
  }

  /** Who acts in the current state. Bytes may be fed only while it is `client`. */
  get turn(): ServerHandshakeTurn {
    return serverHandshakeStates[this.#conversation.state].turn;
  }

  /** What the client has to do next, for messages. */
  get activity(): string {
    return this.#conversation.activity;
  }

  /**
   * How many steps the client has completed: answering the greeting, sending an option, setting up TLS. A driver with a limit on the time
   * without progress checks whether this number has changed.
   */
  get stepsDone(): number {
    return this.#conversation.stepsDone;
  }

  /** Bytes to send now, oldest first; empties the queue. They stay unchanged. */
  takeOutput(): readonly Uint8Array[] {
    return this.#conversation.output.splice(0);
  }

  /** What happened next, oldest first; `undefined` when all events were read. */
  nextEvent(): ServerHandshakeEvent | undefined {
    return this.#conversation.events.shift();
  }

  /**
   * Where the next bytes must land: never more than the current message lacks, so that the bytes after it stay with the kernel. When
   * it is not the client's turn it is one byte long, and nothing may land there.
   */
  writable(): Uint8Array {
    return this.#runner.isReceiving ? this.#runner.writable() : unused;
  }

  /**
   * `byteCount` bytes have landed at the start of the memory that `writable` returned last.
   *
   * @throws UsageError `ERR_NBD_STATE` when it is not the client's turn.
   */
  advance(byteCount: number): void {
    if (!this.#runner.isReceiving) {
      throw new UsageError('ERR_NBD_STATE', 'bytes were fed to a handshake that waits for its driver');
    }
    this.#runner.advance(byteCount);
  }

  /** The stream has ended: in an orderly way, or by `cause` (a broken channel, a failed TLS handshake, a deadline). */
  ended(cause?: Error): void {
    if (this.#isOver) return;
    if (cause instanceof NbdError) {
      this.#fail(cause);
      return;
    }
    const { activity } = this.#conversation;
    const words = endInWords(cause, 'client');
    const message = isHangUp(cause)
      ? `${words} instead of ${activity}`
      : `the connection broke while the client was ${activity}: ${words}`;
    this.#fail(new ConnectError('ERR_NBD_PEER_CLOSED', message, { cause }));
  }

  /** Answers the event `export-wanted`. Does nothing when the handshake is over meanwhile. */
  offer(answer: ExportOffer | Refusal): void {
    const { need } = this.#runner;
    if (this.#isOver) return;
    if (need?.type !== 'offer') throw new UsageError('ERR_NBD_STATE', 'no export was asked for');
    need.answer = answer;
    this.#runner.resume();
  }

  /** Answers the event `list-wanted`. Does nothing when the handshake is over meanwhile. */
  list(answer: readonly ExportEntry[] | Refusal): void {
    const { need } = this.#runner;
    if (this.#isOver) return;
    if (need?.type !== 'list') throw new UsageError('ERR_NBD_STATE', 'no list was asked for');
    need.answer = answer;
    this.#runner.resume();
  }

  /** Answers the event `tls-upgrade`: from now on all bytes travel through TLS. */
  tlsEstablished(): void {
    if (this.#isOver) return;
    if (this.#runner.need?.type !== 'upgrade') throw new UsageError('ERR_NBD_STATE', 'no upgrade to TLS is under way');
    this.#runner.resume();
  }

  /** From now on every option but `ABORT` is refused with `ERR_SHUTDOWN` (S18). */
  shutDown(): void {
    this.#conversation.isShuttingDown = true;
  }

  get #isOver(): boolean {
    return this.turn === 'none';
  }

  #finish(outcome: Outcome): void {
    this.#conversation.state = outcome === 'left' ? 'ended' : 'transmission';
    this.#conversation.events.push(outcome === 'left' ? { type: 'ended' } : { type: 'established', ...outcome });
  }

  #fail(error: NbdError): void {
    this.#runner.stop();
    this.#conversation.state = 'failed';
    this.#conversation.events.push({ type: 'failed', error });
  }
}
