/** One client, from its first byte to its last: the handshake, then transmission. */
import { type ExportOffer, type Refusal, ServerHandshake, type ServerHandshakeEvent } from '@nbdjs/handshake';
import { type ByteChannel, type ByteSink, type ExportFacts, limits, TimeoutError } from '@nbdjs/interfaces';
import { type ClientDescription, type Export, type ExportProvider, offerOf, refusalOf } from './exports.ts';
import { emptyStatistics, type Statistics } from './statistics.ts';
import { type Surroundings, Transmission } from './transmission.ts';

export interface SessionOptions extends Surroundings {
  readonly provider: ExportProvider;
  readonly handshakeMs: number;
  readonly mode: 'simple' | 'structured' | 'extended';
}

/** What is known of a client that is connected. */
export interface SessionDescription extends ClientDescription {
  /** Absent before the handshake is over. */
  readonly facts?: ExportFacts | undefined;
  readonly statistics: Statistics;
}

export class Session implements ByteSink, SessionDescription {
  readonly #channel: ByteChannel;
  readonly #options: SessionOptions;
  readonly #handshake: ServerHandshake;
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
    const { clock, handshakeMs, mode, trace } = options;
    this.#handshake = new ServerHandshake({ mode, trace });
    this.gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    this.#cancelDeadline = handshakeMs === 0 ? () => {} : clock.schedule(handshakeMs, () => this.#expire());
    void channel.closed.then(() => this.#closed());
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
        this.#channel.destroy(new Error('TLS is not available'));
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
      const opening = this.#opened.get(exportName) ?? this.#open(exportName);
      const one = await opening;
      return one === undefined ? { refusal: 'unknown' } : offerOf(one, this.#options.limits.payloadBytesMax);
    } catch (error) {
      this.#trace('export-refused', { exportName, error });
      return refusalOf(error);
    }
  }

  /** S8: whoever asks twice is told the same. Only so many names are kept. */
  async #open(exportName: string): Promise<Export | undefined> {
    const opening = (async () => this.#options.provider.open(exportName, { peer: this.peer }))();
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
      return (await provider.list({ peer: this.peer })).slice(0, limits.listEntriesMax);
    } catch (error) {
      return refusalOf(error);
    }
  }

  #expire(): void {
    const { handshakeMs } = this.#options;
    const message = `the client spent ${handshakeMs} ms on the handshake: ${this.#handshake.activity}`;
    this.#handshake.ended(new TimeoutError('handshake', message));
    this.#pump();
  }

  async #closed(): Promise<void> {
    this.#isOver = true;
    this.#cancelDeadline();
    await this.#transmission?.idle;
    for (const opened of this.#opened.values()) release(opened);
    this.#trace('closed', {});
    this.#settleGone();
  }

  #trace(event: string, details: Readonly<Record<string, unknown>>): void {
    const { trace } = this.#options;
    if (trace.enabled) trace.emit(event, { peer: this.peer, ...details });
  }
}

/** Names that a client may have asked for and that are remembered. */
const namesMax = 64;

function release(opened: Promise<Export | undefined>): void {
  void opened.then(
    (one) => one?.release?.(),
    () => {},
  );
}
