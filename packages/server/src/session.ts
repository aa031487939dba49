/** One client, from its first byte to its last: the handshake, then transmission. */
import {
  type ExportOffer,
  type Refusal,
  type ServedFacts,
  ServerHandshake,
  type ServerHandshakeEvent,
} from '@nbdjs/handshake';
import {
  type ByteChannel,
  type ByteSink,
  type CloseReason,
  type ExportFacts,
  NegotiationError,
  ProtocolError,
  TimeoutError,
} from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import { isAllowed, type TlsPeer, type TlsServer } from '@nbdjs/transport';
import type { Account } from './budget.ts';
import type { CutOffReason } from './clients.ts';
import { type ClientDescription, type Export, type ExportProvider, needsTls, offerOf, refusalOf } from './exports.ts';
import type { NoPlace } from './places.ts';
import { emptyStatistics, type Statistics } from './statistics.ts';
import { type Surroundings, Transmission } from './transmission.ts';

export interface SessionOptions extends Surroundings {
  readonly provider: ExportProvider;
  readonly handshakeMs: number;
  readonly handshake: HandshakeBounds;
  readonly style: 'newstyle' | 'oldstyle';
  readonly mode: 'simple' | 'structured' | 'extended';
  readonly tls: TlsServer | undefined;
  /** Clients at a time; 0 for no limit. */
  readonly connectionsMax: number;
  /** Waits for a place among those who use an export. Called before one is opened; why there is none is the answer. */
  readonly takePlace: (session: Session) => Promise<NoPlace | undefined> | undefined;
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
  /** Queries for metadata contexts in one option. */
  readonly contextQueriesMax: number;
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
  #cancelDeadline: () => void = () => {};
  /** What the client had done when it was looked at last, and since when it is its turn. */
  #stepsSeen = 0;
  #movedMs: number;
  #isUpgrading = false;
  /** It has asked for an export and waits for a place. Meanwhile it is listened to only for whether it leaves. */
  #isWaiting = false;
  /** What it has said although it was not its turn. */
  #early = new Uint8Array(0);
  readonly #earMemory = new Uint8Array(earBytes);
  readonly #account: Account;
  /** Bytes that the client has not read; nothing more is answered meanwhile. */
  #unreadBytes = 0;
  #isOver = false;
  #settleGone!: () => void;

  constructor(channel: ByteChannel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    const { clock, style, mode, trace, tls } = options;
    this.#movedMs = clock.now();
    this.#handshake = new ServerHandshake({
      style,
      mode,
      trace,
      tls: tlsModes[tls?.mode ?? 'off'],
      limits: options.handshake,
    });
    this.#account = options.budget.openAccount(() => {});
    this.gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    this.#setDeadline(options.handshakeMs);
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

  /** Nothing is asked that is not answered, and all answers are read. */
  get isAtRest(): boolean {
    return this.#transmission?.isAtRest ?? false;
  }

  get requestCount(): number {
    return this.statistics.requests;
  }

  /** For how long it has been the client's turn in the handshake, and it has done nothing, in milliseconds. */
  standstillMs(now: number): number {
    return this.#handshake.turn === 'driver' && !this.#isUpgrading ? 0 : now - this.#movedMs;
  }

  writable(): Uint8Array {
    return this.#isWaiting ? this.#earMemory : this.#handshake.writable();
  }

  advance(byteCount: number): void {
    if (this.#isWaiting) this.#early = joined(this.#early, this.#earMemory.subarray(0, byteCount));
    else this.#handshake.advance(byteCount);
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
    this.#noteMove();
    // Nothing is read while a question is open, or an answer is waiting to be read.
    const isOpen = this.#handshake.turn === 'driver' && !this.#isWaiting;
    const mustPause = isOpen || this.#unreadBytes > 0 || this.#early.length > 0;
    if (this.#transmission === undefined) this.#channel.pause(mustPause);
  }

  #noteMove(): void {
    const { turn, stepsDone } = this.#handshake;
    if (stepsDone === this.#stepsSeen && turn !== 'driver') return;
    this.#stepsSeen = stepsDone;
    if (!this.#isUpgrading) this.#movedMs = this.#options.clock.now();
  }

  #handle(event: ServerHandshakeEvent): void {
    switch (event.type) {
      case 'export-wanted':
        void this.#offer(event.exportName, event.purpose).then((offer) =>
          this.#answer(() => this.#handshake.offer(offer)),
        );
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
        if (event.error instanceof ProtocolError) this.#options.counts.cutOff.violation++;
        this.#channel.destroy(event.error);
    }
  }

  #answer(give: () => void): void {
    if (this.#isOver) return;
    try {
      give();
      this.#pump();
      this.#hearEarly();
    } catch (error) {
      // A provider's answer that is none ends its client's session, not the process.
      this.#channel.destroy(error as Error);
    }
  }

  /** S25: whatever comes from now on is TLS's, and when that fails, it is the end. */
  async #upgrade(): Promise<void> {
    this.#isUpgrading = true;
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
      this.#isUpgrading = false;
      this.#handshake.tlsEstablished();
      secured.open(this);
    } catch (error) {
      this.#handshake.ended(error instanceof Error ? error : new Error(String(error)));
    }
    this.#pump();
  }

  #begin(facts: ServedFacts): void {
    this.#cancelDeadline();
    void this.#opened.get(facts.exportName)?.then((one) => {
      // It has been offered, so it is there.
      if (one !== undefined) this.#answer(() => this.#transmit(facts, one));
    });
  }

  #transmit(facts: ServedFacts, { device, unaligned }: Export): void {
    this.facts = facts;
    this.#trace('established', { facts });
    // From here on the transmission has one of its own.
    this.#account.close();
    this.#unreadBytes = 0;
    const isAligned = facts.knowsBlockSizes || unaligned === 'refuse' || device.takesAnyRange !== true;
    this.#transmission = new Transmission(this.#channel, facts, device, isAligned, this.#options, this.statistics);
    this.#options.onNegotiated(this);
    this.#channel.open(this.#transmission);
    this.#channel.pause(false);
    pour(this.#early, this.#transmission);
    this.#early = nothing;
  }

  async #offer(exportName: string, purpose: 'open' | 'info' | 'contexts'): Promise<ExportOffer | Refusal> {
    try {
      this.#checkClient();
      const opening = this.#opened.get(exportName) ?? this.#open(exportName);
      const one = await opening;
      if (one === undefined) return { refusal: 'unknown' };
      this.#checkExport(one);
      const tlsOnly = needsTls(one) || this.#options.tls?.isSelective === true;
      const isHidden = tlsOnly && this.tls === undefined && this.#options.tls?.mode === 'allow';
      if (purpose === 'open' && !isHidden) {
        const refusal = await this.#waitForPlace();
        if (refusal !== undefined) return refusal;
      }
      return { ...offerOf(one, this.#options.limits.payloadBytesMax, this.#options.connectionsMax), tlsOnly };
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
      this.#checkClient();
      if (this.tls === undefined && this.#options.tls?.isSelective === true) {
        return { refusal: 'policy', text: 'exports are listed to clients with TLS only' } as const;
      }
      return this.#listable(await provider.list(this.#description));
    } catch (error) {
      this.#trace('export-refused', { error });
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

  async #waitForPlace(): Promise<Refusal | undefined> {
    const place = this.#options.takePlace(this);
    if (place === undefined) return undefined;
    this.#isWaiting = true;
    this.#channel.pause(false);
    const refusal = await place;
    this.#isWaiting = false;
    if (refusal === undefined || this.#isOver) return undefined;
    const { connectionsMax } = this.#options;
    const text = `${connectionsMax} client${connectionsMax === 1 ? '' : 's'} at a time can use the exports, and all places are taken`;
    return refusal === 'closing' ? { refusal: 'shutdown' } : { refusal: 'policy', text };
  }

  /** Goes on with what the client has said before its turn. */
  #hearEarly(): void {
    while (this.#early.length > 0 && this.#handshake.turn === 'client') {
      const target = this.#handshake.writable();
      const byteCount = Math.min(target.length, this.#early.length);
      target.set(this.#early.subarray(0, byteCount));
      this.#early = this.#early.slice(byteCount);
      this.advance(byteCount);
    }
  }

  #setDeadline(delayMs: number): void {
    if (delayMs > 0) this.#cancelDeadline = this.#options.clock.schedule(delayMs, () => this.#checkDeadline());
  }

  /** What counts is standing still, not how much there is to be said: that has limits of its own. */
  #checkDeadline(): void {
    const { handshakeMs, clock } = this.#options;
    const leftMs = handshakeMs - this.standstillMs(clock.now());
    if (leftMs > 0) {
      this.#setDeadline(leftMs);
      return;
    }
    const message = `the client stood still for ${handshakeMs} ms in the handshake: ${this.#handshake.activity}`;
    this.cutOff('handshake-time', message);
  }

  /** Ends a handshake that takes too long, or too much room. */
  cutOff(reason: CutOffReason, message: string): void {
    this.#options.counts.cutOff[reason]++;
    const error = new TimeoutError('handshake', message);
    this.#trace('cut-off', { reason, message, error });
    this.#handshake.ended(error);
    this.#pump();
    // Whoever has said good-bye and stays has nothing to be told either.
    this.#channel.destroy();
  }

  get #description(): ClientDescription {
    const { peer, tls } = this;
    return tls === undefined ? { peer } : { peer, tls };
  }

  /** A channel under TLS may be closed before TLS is. */
  #watch(channel: ByteChannel): void {
    void channel.closed.then((reason) => {
      if (channel === this.#channel) void this.#closed(reason);
    });
  }

  #releaseAll(): void {
    for (const opened of this.#opened.values()) release(opened);
    this.#opened.clear();
  }

  async #closed(reason: CloseReason): Promise<void> {
    this.#isOver = true;
    this.#cancelDeadline();
    this.#account.close();
    this.#transmission?.closed();
    await this.#transmission?.idle;
    this.#releaseAll();
    const cause = 'cause' in reason ? reason.cause : undefined;
    this.#trace('closed', { by: reason.by, ...(cause === undefined ? {} : { error: cause }) });
    this.#settleGone();
  }

  #trace(event: string, details: Readonly<Record<string, unknown>>): void {
    const { trace } = this.#options;
    if (trace.enabled) trace.emit(event, { peer: this.peer, ...details });
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Hands bytes to a sink as a channel would. */
function pour(bytes: Uint8Array, sink: ByteSink): void {
  for (let position = 0; position < bytes.length; ) {
    const target = sink.writable();
    if (target.length === 0) throw new Error('there is no memory for what the client has said before its turn');
    const piece = bytes.subarray(position, position + target.length);
    target.set(piece);
    position += piece.length;
    sink.advance(piece.length);
  }
}

/** What a client may say before its turn until it is not read any more; all that matters is whether it leaves. */
const earBytes = 4096;
const nothing = new Uint8Array(0);

/** The specification's words for the modes. */
const tlsModes = { off: 'none', allow: 'selective', require: 'forced' } as const;

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
