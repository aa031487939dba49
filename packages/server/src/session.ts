/** One client, from its first byte to its last: the handshake, then transmission. */
import { type ExportOffer, type Refusal, ServerHandshake, type ServerHandshakeEvent } from '@nbdjs/handshake';
import { type ByteChannel, type ByteSink, type ExportFacts, ProtocolError, TimeoutError } from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { Account } from './budget.ts';
import type { CutOffReason } from './clients.ts';
import { type ClientDescription, type Export, type ExportProvider, offerOf, refusalOf } from './exports.ts';
import { emptyStatistics, type Statistics } from './statistics.ts';
import { type Surroundings, Transmission } from './transmission.ts';

export interface SessionOptions extends Surroundings {
  readonly provider: ExportProvider;
  readonly handshakeMs: number;
  readonly handshake: HandshakeBounds;
  readonly mode: 'simple' | 'structured' | 'extended';
  /** Called when the handshake is over. */
  readonly onNegotiated: (session: Session) => void;
}

/** What a client may make of its handshake. */
export interface HandshakeBounds {
  /** Options that are taken. */
  readonly optionsMax: number;
  /** Payload of one option that is kept, in bytes. */
  readonly optionBytesMax: number;
  /** Payload of all options, in bytes. */
  readonly optionsBytesMax: number;
  /** Contexts that can be selected. */
  readonly contextsMax: number;
  /** Exports that are listed. */
  readonly listEntriesMax: number;
  /** Their names and descriptions, in bytes. */
  readonly listBytesMax: number;
  /** Export names whose exports are kept open while the client chooses. */
  readonly exportsOpenMax: number;
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
  readonly #account: Account;
  /** Bytes that the client has not read; nothing more is answered meanwhile. */
  #unreadBytes = 0;
  #isOver = false;
  #settleGone!: () => void;

  constructor(channel: ByteChannel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    const { clock, handshakeMs, mode, trace } = options;
    this.#handshake = new ServerHandshake({ mode, trace, limits: options.handshake });
    this.#account = options.budget.openAccount(() => {});
    this.gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    this.#cancelDeadline = handshakeMs === 0 ? () => {} : clock.schedule(handshakeMs, () => this.#expire());
    void channel.closed.then(({ by }) => this.#closed(by));
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

  drained(): void {
    this.#account.giveBack(this.#unreadBytes);
    this.#unreadBytes = 0;
    this.#pump();
  }

  ended(cause?: Error): void {
    this.#handshake.ended(cause);
    this.#pump();
  }

  /** Sends what the handshake has to say and does what it asks for. */
  #pump(): void {
    const output = this.#handshake.takeOutput();
    if (output.length > 0 && !this.#channel.send(output)) {
      const byteCount = output.reduce((sum, { length }) => sum + length, 0);
      this.#unreadBytes += byteCount;
      this.#account.takeAnyway(byteCount);
    }
    for (let event = this.#handshake.nextEvent(); event !== undefined; event = this.#handshake.nextEvent()) {
      this.#handle(event);
    }
    // Nothing is read while a question is open, or an answer is waiting to be read.
    const mustPause = this.#handshake.turn === 'driver' || this.#unreadBytes > 0;
    if (this.#transmission === undefined) this.#channel.pause(mustPause);
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
        if (event.error instanceof ProtocolError) this.#options.counts.cutOff.violation++;
        this.#channel.destroy(event.error);
    }
  }

  #answer(give: () => void): void {
    if (this.#isOver) return;
    try {
      give();
      this.#pump();
    } catch (error) {
      // A provider's answer that is none ends its client's session, not the process.
      this.#channel.destroy(error as Error);
    }
  }

  #begin(facts: ExportFacts): void {
    this.#cancelDeadline();
    void this.#opened.get(facts.exportName)?.then((one) => {
      // It has been offered, so it is there.
      if (one !== undefined) this.#answer(() => this.#transmit(facts, one));
    });
  }

  #transmit(facts: ExportFacts, { device }: Export): void {
    this.facts = facts;
    this.#trace('established', { facts });
    // From here on the transmission has one of its own.
    this.#account.close();
    this.#unreadBytes = 0;
    this.#transmission = new Transmission(this.#channel, facts, device, this.#options, this.statistics);
    this.#options.onNegotiated(this);
    this.#channel.open(this.#transmission);
    this.#channel.pause(false);
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
      if (this.#opened.size < this.#options.handshake.exportsOpenMax) break;
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
      return this.#listable(await provider.list({ peer: this.peer }));
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** A list that would have to be cut is refused: whoever gets a part of it takes it for the whole. */
  #listable(entries: readonly ExportEntry[]): readonly ExportEntry[] | Refusal {
    const { listEntriesMax, listBytesMax } = this.#options.handshake;
    // A character has at least one byte.
    const bytesMin = entries.reduce((sum, { name, description }) => sum + name.length + description.length, 0);
    if (entries.length <= listEntriesMax && bytesMin <= listBytesMax) return entries;
    return { refusal: 'too-big', text: `${entries.length} exports are too many to be listed` };
  }

  #expire(): void {
    const { handshakeMs } = this.#options;
    this.cutOff('handshake-time', `the client spent ${handshakeMs} ms on the handshake: ${this.#handshake.activity}`);
  }

  /** Ends a handshake that takes too long, or too much room. */
  cutOff(reason: CutOffReason, message: string): void {
    this.#options.counts.cutOff[reason]++;
    this.#trace('cut-off', { reason, message });
    this.#handshake.ended(new TimeoutError('handshake', message));
    this.#pump();
    // Whoever has said good-bye and stays has nothing to be told either.
    this.#channel.destroy();
  }

  async #closed(by: 'us' | 'peer' | 'error'): Promise<void> {
    this.#isOver = true;
    this.#cancelDeadline();
    this.#account.close();
    this.#transmission?.closed();
    await this.#transmission?.idle;
    for (const opened of this.#opened.values()) release(opened);
    this.#trace('closed', { by });
    this.#settleGone();
  }

  #trace(event: string, details: Readonly<Record<string, unknown>>): void {
    const { trace } = this.#options;
    if (trace.enabled) trace.emit(event, { peer: this.peer, ...details });
  }
}

function release(opened: Promise<Export | undefined>): void {
  void opened.then(
    (one) => one?.release?.(),
    () => {},
  );
}
