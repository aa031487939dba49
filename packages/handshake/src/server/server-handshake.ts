/** The server's half of the handshake as a machine: bytes in, bytes and events out. */
import { ConnectError, NbdError, type ProtocolError, UsageError } from '@nbdjs/interfaces';
import { endInWords, isHangUp } from '@nbdjs/kit';
import { ByteAssembler, type ExportEntry } from '@nbdjs/protocol';
import type { ServerHandshakeEvent, ServerNeed, ServerStep } from './events.ts';
import type { ExportOffer, Refusal } from './offer.ts';
import { type Outcome, ServerScript } from './script.ts';
import { type ServerHandshakeOptions, settle } from './settings.ts';

/** Whose turn it is: the client's, the driver's (a question or an upgrade is open), or nobody's any more. */
export type ServerHandshakeTurn = 'client' | 'driver' | 'nobody';

/** Bytes that go by without being looked at land here, whoever has sent them. */
const discarded = new Uint8Array(16 * 1024);

/**
 * Negotiates with a client and knows neither sockets nor clocks.
 *
 * Drive it like this: at the start, and after every call that feeds it (`advance`, `ended`, `offer`, `list`,
 * `tlsEstablished`), send `takeOutput` and read `nextEvent` until there is none. While it is the driver's turn, no bytes may be
 * fed. It never waits and never calls back; what the client does wrong becomes the event `failed`.
 */
export class ServerHandshake {
  readonly #script: ServerScript;
  readonly #steps: ServerStep<Outcome>;
  readonly #assembler: ByteAssembler;
  #skipping = 0;
  #need: ServerNeed | undefined;
  #isOver = false;

  /** @throws UsageError when an option is wrong. */
  constructor(options: ServerHandshakeOptions = {}) {
    const settings = settle(options);
    this.#script = new ServerScript(settings);
    this.#assembler = new ByteAssembler(Math.max(settings.limits.optionBytesMax, 64));
    this.#steps = this.#script.run();
    this.#goOn();
  }

  get turn(): ServerHandshakeTurn {
    if (this.#isOver) return 'nobody';
    return this.#need?.type === 'bytes' || this.#need?.type === 'skip' ? 'client' : 'driver';
  }

  /** What the client was about to do, for messages. */
  get activity(): string {
    return this.#script.activity;
  }

  /**
   * How many things the client had to do, and has done: answering the greeting, sending an option, setting up TLS. Whoever limits the
   * time that a client may stand still looks at whether this has changed.
   */
  get stepsDone(): number {
    return this.#script.stepsDone;
  }

  /** Bytes to send now, oldest first; empties the queue. They stay unchanged. */
  takeOutput(): readonly Uint8Array[] {
    return this.#script.output.splice(0);
  }

  /** What happened next, oldest first; nothing when all is told. */
  nextEvent(): ServerHandshakeEvent | undefined {
    return this.#script.events.shift();
  }

  /** Where the next bytes must land: never more than the current message lacks, so that what lies behind stays outside. */
  writable(): Uint8Array {
    if (this.#need?.type === 'bytes') return this.#assembler.writable();
    return discarded.subarray(0, Math.max(1, Math.min(this.#skipping, discarded.length)));
  }

  /** `byteCount` bytes have landed at the start of what `writable` gave last. */
  advance(byteCount: number): void {
    const need = this.#need;
    if (need?.type === 'bytes') {
      this.#assembler.advance(byteCount);
      if (this.#assembler.missing > 0) return;
      need.bytes = this.#assembler.take();
    } else if (need?.type === 'skip') {
      this.#skipping -= byteCount;
      if (this.#skipping > 0) return;
    } else {
      throw new UsageError('ERR_NBD_STATE', 'bytes were fed to a handshake that waits for its driver');
    }
    this.#goOn();
  }

  /** The stream has ended: in an orderly way, or by `cause` (a broken channel, a failed TLS handshake, a deadline). */
  ended(cause?: Error): void {
    if (this.#isOver) return;
    if (cause instanceof NbdError) {
      this.#fail(cause);
      return;
    }
    const { activity } = this.#script;
    const words = endInWords(cause, 'client');
    const message = isHangUp(cause)
      ? `${words} instead of ${activity}`
      : `the connection broke while the client was ${activity}: ${words}`;
    this.#fail(new ConnectError('ERR_NBD_PEER_CLOSED', message, { cause }));
  }

  /** Answers the event `export-wanted`. */
  offer(answer: ExportOffer | Refusal): void {
    if (this.#isOver) return;
    if (this.#need?.type !== 'offer') throw new UsageError('ERR_NBD_STATE', 'nobody has asked for an export');
    this.#need.answer = answer;
    this.#goOn();
  }

  /** Answers the event `list-wanted`. */
  list(answer: readonly ExportEntry[] | Refusal): void {
    if (this.#isOver) return;
    if (this.#need?.type !== 'list') throw new UsageError('ERR_NBD_STATE', 'nobody has asked for a list');
    this.#need.answer = answer;
    this.#goOn();
  }

  /** Answers the event `tls-upgrade`: from now on all bytes travel through TLS. */
  tlsEstablished(): void {
    if (this.#isOver) return;
    if (this.#need?.type !== 'upgrade') throw new UsageError('ERR_NBD_STATE', 'no upgrade to TLS is under way');
    this.#goOn();
  }

  /** From now on every option but `ABORT` is refused with `ERR_SHUTDOWN` (S18). */
  shutDown(): void {
    this.#script.isShuttingDown = true;
  }

  /** Lets the script run until it needs something that is not there yet. */
  #goOn(): void {
    this.#need = undefined;
    try {
      let turn = this.#steps.next();
      // A message without a byte is there as soon as it is wanted.
      while (turn.done !== true && 'count' in turn.value && turn.value.count === 0) turn = this.#steps.next();
      if (turn.done === true) this.#finish(turn.value);
      else this.#await(turn.value);
    } catch (error) {
      if (!(error instanceof NbdError)) throw error;
      this.#fail(error);
    }
  }

  #await(need: ServerNeed): void {
    if (need.type === 'bytes') this.#assembler.expect(need.count);
    if (need.type === 'skip') this.#skipping = need.count;
    this.#need = need;
  }

  #finish(outcome: Outcome): void {
    this.#isOver = true;
    this.#script.events.push(outcome === 'left' ? { type: 'ended' } : { type: 'established', ...outcome });
  }

  #fail(error: NbdError | ProtocolError): void {
    this.#isOver = true;
    this.#need = undefined;
    this.#script.events.push({ type: 'failed', error });
  }
}
