/** One client, from its first byte to its last: the handshake, then transmission. */
import { type ExportOffer, type Refusal, ServerHandshake, type ServerHandshakeEvent } from '@nbdjs/handshake';
import {
  type ByteChannel,
  type ByteSink,
  type ExportFacts,
  limits,
  NegotiationError,
  TimeoutError,
} from '@nbdjs/interfaces';
import { isAllowed, type TlsPeer, type TlsServer } from '@nbdjs/transport';
import { type ClientDescription, type Export, type ExportProvider, needsTls, offerOf, refusalOf } from './exports.ts';
import { emptyStatistics, type Statistics } from './statistics.ts';
import { type Surroundings, Transmission } from './transmission.ts';

export interface SessionOptions extends Surroundings {
  readonly provider: ExportProvider;
  readonly handshakeMs: number;
  readonly mode: 'simple' | 'structured' | 'extended';
  readonly tls: TlsServer | undefined;
}

/** What is known of a client that is connected. */
export interface SessionDescription extends ClientDescription {
  /** Absent before the handshake is over. */
  readonly facts?: ExportFacts | undefined;
  readonly statistics: Statistics;
}

export class Session implements ByteSink, SessionDescription {
  /** Another one once TLS is on. */
  #channel: ByteChannel;
  readonly #options: SessionOptions;
  readonly #handshake: ServerHandshake;
  tls: TlsPeer | undefined;
  readonly statistics = emptyStatistics();
  facts: ExportFacts | undefined;
  /** Settles when the client is gone and no device works for it any more. */
  readonly gone: Promise<void>;
  /** What the provider has opened, by the names that were asked for. */
  readonly #opened = new Map<string, Promise<Export | undefined>>();
  #transmission: Transmission | undefined;
  #cancelDeadline: () => void;
  #isOver = false;
  #settleGone!: () => void;

  constructor(channel: ByteChannel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    const { clock, handshakeMs, mode, trace, tls } = options;
    this.#handshake = new ServerHandshake({ mode, trace, tls: tlsModes[tls?.mode ?? 'off'] });
    this.gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    this.#cancelDeadline = handshakeMs === 0 ? () => {} : clock.schedule(handshakeMs, () => this.#expire());
    this.#watch(channel);
    this.#pump();
    channel.open(this);
  }

  get peer() {
    return this.#channel.peer;
  }

  /** Whether the handshake is over. */
  get isNegotiated(): boolean {
    return this.facts !== undefined;
  }

  /** Ends in good order: what is under way is finished. */
  shutDown(): void {
    this.#handshake.shutDown();
    this.#transmission?.shutDown();
    // A client that is still choosing has the time that a handshake has.
  }

  /** Ends now. */
  destroy(cause?: Error): void {
    this.#channel.destroy(cause);
  }

  writable(): Uint8Array {
    return this.#handshake.writable();
  }

  advance(byteCount: number): void {
    this.#handshake.advance(byteCount);
    this.#pump();
  }

  drained(): void {}

  ended(cause?: Error): void {
    this.#handshake.ended(cause);
    this.#pump();
  }

  /** Sends what the handshake has to say and does what it asks for. */
  #pump(): void {
    const output = this.#handshake.takeOutput();
    if (output.length > 0) this.#channel.send(output);
    for (let event = this.#handshake.nextEvent(); event !== undefined; event = this.#handshake.nextEvent()) {
      this.#handle(event);
    }
    // Nothing is read while a question is open.
    if (this.#transmission === undefined) this.#channel.pause(this.#handshake.turn === 'driver');
  }

  #handle(event: ServerHandshakeEvent): void {
    switch (event.type) {
      case 'export-wanted':
        void this.#offer(event.exportName).then((offer) => this.#answer(() => this.#handshake.offer(offer)));
        return;
      case 'list-wanted':
        void this.#list().then((list) => this.#answer(() => this.#handshake.list(list)));
        return;
      case 'tls-upgrade':
        void this.#upgrade();
        return;
      case 'established':
        this.#begin(event.facts);
        return;
      case 'ended':
        this.#channel.end();
        return;
      case 'failed':
        this.#trace('handshake-failed', { error: event.error });
        this.#channel.destroy(event.error);
    }
  }

  #answer(give: () => void): void {
    if (this.#isOver) return;
    give();
    this.#pump();
  }

  /** S25: whatever comes from now on is TLS's, and when that fails, it is the end. */
  async #upgrade(): Promise<void> {
    try {
      // The handshake's deadline covers this.
      const secured = await this.#options.tls?.upgrade(this.#channel, { timeoutMs: 0 });
      if (secured === undefined) return;
      if (this.#isOver) {
        secured.destroy();
        return;
      }
      this.#channel = secured;
      this.tls = secured.tls;
      this.#watch(secured);
      this.#trace('tls', { tls: secured.tls });
      // S27: what was opened for somebody unknown may not be for whom it turned out to be.
      this.#releaseAll();
      this.#handshake.tlsEstablished();
      secured.open(this);
    } catch (error) {
      this.#handshake.ended(error instanceof Error ? error : new Error(String(error)));
    }
    this.#pump();
  }

  #begin(facts: ExportFacts): void {
    this.#cancelDeadline();
    void this.#opened.get(facts.exportName)?.then((one) => {
      // It has been offered, so it is there.
      if (one === undefined || this.#isOver) return;
      this.facts = facts;
      this.#trace('established', { facts });
      this.#transmission = new Transmission(this.#channel, facts, one.device, this.#options, this.statistics);
      this.#channel.open(this.#transmission);
      this.#channel.pause(false);
    });
  }

  async #offer(exportName: string): Promise<ExportOffer | Refusal> {
    try {
      this.#checkClient();
      const opening = this.#opened.get(exportName) ?? this.#open(exportName);
      const one = await opening;
      if (one === undefined) return { refusal: 'unknown' };
      this.#checkExport(one);
      const tlsOnly = needsTls(one) || this.#options.tls?.isSelective === true;
      return { ...offerOf(one, this.#options.limits.payloadBytesMax), tlsOnly };
    } catch (error) {
      this.#trace('export-refused', { exportName, error });
      return refusalOf(error);
    }
  }

  /** Turns away whoever has shown who they are, and is not to be served. */
  #checkClient(): void {
    const { tls } = this;
    if (tls === undefined || this.#options.tls?.admits(tls) !== false) return;
    throw new NegotiationError('ERR_NBD_POLICY', `${nameOf(tls)} is not served here`);
  }

  #checkExport(one: Export): void {
    const { tls } = this;
    if (tls !== undefined && !isAllowed(one.allow, tls)) {
      throw new NegotiationError('ERR_NBD_POLICY', `this export is not for ${nameOf(tls)}`);
    }
    if (needsTls(one) && (this.#options.tls?.mode ?? 'off') === 'off') {
      throw new NegotiationError(
        'ERR_NBD_POLICY',
        'this export is for clients with TLS only, which is not set up here',
      );
    }
  }

  /** S8: whoever asks twice is told the same. Only so many names are kept. */
  async #open(exportName: string): Promise<Export | undefined> {
    const opening = (async () => this.#options.provider.open(exportName, this.#description))();
    opening.catch(() => {});
    for (const [name, opened] of this.#opened) {
      if (this.#opened.size < namesMax) break;
      this.#opened.delete(name);
      release(opened);
    }
    this.#opened.set(exportName, opening);
    return opening;
  }

  async #list() {
    const { provider } = this.#options;
    if (provider.list === undefined) return { refusal: 'policy', text: 'exports are not listed here' } as const;
    try {
      this.#checkClient();
      if (this.tls === undefined && this.#options.tls?.isSelective === true) {
        return { refusal: 'policy', text: 'exports are listed to clients with TLS only' } as const;
      }
      return (await provider.list(this.#description)).slice(0, limits.listEntriesMax);
    } catch (error) {
      this.#trace('export-refused', { error });
      return refusalOf(error);
    }
  }

  #expire(): void {
    const { handshakeMs } = this.#options;
    const message = `the client spent ${handshakeMs} ms on the handshake: ${this.#handshake.activity}`;
    this.#handshake.ended(new TimeoutError('handshake', message));
    this.#pump();
  }

  get #description(): ClientDescription {
    const { peer, tls } = this;
    return tls === undefined ? { peer } : { peer, tls };
  }

  /** A channel under TLS may be closed before TLS is. */
  #watch(channel: ByteChannel): void {
    void channel.closed.then(() => {
      if (channel === this.#channel) void this.#closed();
    });
  }

  #releaseAll(): void {
    for (const opened of this.#opened.values()) release(opened);
    this.#opened.clear();
  }

  async #closed(): Promise<void> {
    this.#isOver = true;
    this.#cancelDeadline();
    await this.#transmission?.idle;
    this.#releaseAll();
    this.#trace('closed', {});
    this.#settleGone();
  }

  #trace(event: string, details: Readonly<Record<string, unknown>>): void {
    const { trace } = this.#options;
    if (trace.enabled) trace.emit(event, { peer: this.peer, ...details });
  }
}

/** The specification's words for the modes. */
const tlsModes = { off: 'none', allow: 'selective', require: 'forced' } as const;

/** Names that a client may have asked for and that are remembered. */
const namesMax = 64;

function nameOf({ subject, user }: TlsPeer): string {
  if (user !== undefined) return `user '${user}'`;
  return subject === undefined ? 'whoever does not show who they are' : `'${subject}'`;
}

function release(opened: Promise<Export | undefined>): void {
  void opened.then(
    (one) => one?.release?.(),
    () => {},
  );
}
