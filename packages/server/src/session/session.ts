/** One client, from its first byte to its last: the handshake, then transmission. */
import type { ExportOffer, Refusal, ServedFacts } from '@nbdjs/handshake';
import {
  type ByteChannel,
  type CloseReason,
  type ExportFacts,
  ProtocolError,
  type SecureUpgrade,
  TimeoutError,
  type TlsPeer,
  type Trace,
} from '@nbdjs/interfaces';
import type { ClientOwner, ServedClient } from '../admission/acceptor.ts';
import type { PlaceRefusal } from '../admission/export-places.ts';
import type { ServerEvents } from '../events.ts';
import type { ClientDescription, Export, ExportProvider } from '../exports/export.ts';
import type { ServerContext } from '../server-context.ts';
import type { CutOffReason } from '../statistics/client-counts.ts';
import { emptyStatistics, type Statistics } from '../statistics/statistics.ts';
import { Transmission } from '../transmission/transmission.ts';
import { AdmissionPolicy } from './admission-policy.ts';
import { ExportDesk } from './export-desk.ts';
import { ExportDirectory } from './export-directory.ts';
import { HandshakeDriver, type HandshakeOwner } from './handshake-driver.ts';

export interface SessionOptions {
  readonly provider: ExportProvider;
  readonly tls: SecureUpgrade | undefined;
  readonly owner: ClientOwner<Session>;
  /** Where the client's requests are counted. @default counters of this session's own */
  readonly statistics?: Statistics;
  /** Called when TLS has identified the client. */
  readonly onSecured?: (session: Session) => void;
}

/** The events about this client, without the peer that they all name. */
type ClientEvents = {
  readonly [Name in 'cut-off' | 'tls' | 'export-refused' | 'handshake-failed' | 'established' | 'closed']: Omit<
    ServerEvents[Name],
    'peer'
  >;
};

export class Session implements ServedClient, HandshakeOwner {
  /** Replaced by a secured one when TLS is established. */
  #channel: ByteChannel;
  readonly #options: SessionOptions;
  readonly #context: ServerContext;
  readonly #handshake: HandshakeDriver;
  readonly #exports: ExportDirectory;
  readonly #desk: ExportDesk;
  #transmission: Transmission | undefined;
  #isOver = false;
  #settleGone!: () => void;
  tls: TlsPeer | undefined;
  readonly statistics: Statistics;
  facts: ExportFacts | undefined;
  /** Settles when the client is gone and no device works for it any more. */
  readonly gone: Promise<void>;

  constructor(channel: ByteChannel, options: SessionOptions, context: ServerContext) {
    this.#channel = channel;
    this.#options = options;
    this.#context = context;
    this.statistics = options.statistics ?? emptyStatistics();
    const { settings } = context;
    this.#exports = new ExportDirectory(options.provider, settings);
    this.#desk = new ExportDesk({
      policy: new AdmissionPolicy(options.tls),
      directory: this.#exports,
      settings,
      takePlace: () => this.#waitForPlace(),
      onRefused: (details) => this.#trace('export-refused', details),
    });
    this.#handshake = new HandshakeDriver(channel, options.tls?.mode ?? 'off', context, this);
    this.gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    this.#watch(channel);
    this.#handshake.start();
  }

  get peer() {
    return this.#channel.peer;
  }

  /** Whether the handshake is over. */
  get isNegotiated(): boolean {
    return this.facts !== undefined;
  }

  get isAtRest(): boolean {
    return this.#transmission?.isAtRest ?? false;
  }

  get requestCount(): number {
    return this.statistics.requests;
  }

  standstillMs(now: number): number {
    return this.#handshake.standstillMs(now);
  }

  /** Ends in good order: what is under way is finished. A client in the handshake has the time that a handshake has. */
  shutDown(): void {
    this.#handshake.shutDown();
    this.#transmission?.shutDown();
  }

  /** Ends now. */
  destroy(cause?: Error): void {
    this.#channel.destroy(cause);
  }

  /** Ends a handshake that takes too long, or has a place that another client needs. */
  cutOff(reason: CutOffReason, message: string): void {
    this.#context.counts.cutOff[reason]++;
    const error = new TimeoutError('handshake', message);
    this.#trace('cut-off', { reason, message, error });
    this.#handshake.ended(error);
    // A client that has sent ABORT and stays is sent nothing either.
    this.#channel.destroy();
  }

  // What the handshake asks for: `HandshakeOwner`.

  offer(exportName: string, purpose: 'open' | 'info' | 'contexts'): Promise<ExportOffer | Refusal> {
    return this.#desk.offer(this.#description, exportName, purpose);
  }

  list() {
    return this.#desk.list(this.#description);
  }

  async upgrade(): Promise<ByteChannel | undefined> {
    // The handshake's time limit covers this.
    const secured = await this.#options.tls?.upgrade(this.#channel, { timeoutMs: 0 });
    if (secured === undefined) return undefined;
    if (this.#isOver) {
      secured.destroy();
      return undefined;
    }
    this.#channel = secured;
    this.tls = secured.tls;
    this.#watch(secured);
    this.#options.onSecured?.(this);
    this.#trace('tls', { tls: secured.tls });
    // S27: what was opened before may not be for the client that TLS has identified now.
    this.#exports.releaseAll();
    return secured;
  }

  established(facts: ServedFacts): void {
    void this.#exports.get(facts.exportName)?.then((one) => {
      // It has been offered, so it is there.
      if (one === undefined || this.#isOver) return;
      try {
        this.#transmit(facts, one);
      } catch (error) {
        this.#channel.destroy(error as Error);
      }
    });
  }

  failed(error: Error): void {
    this.#trace('handshake-failed', { error });
    if (error instanceof ProtocolError) this.#context.counts.cutOff.violation++;
  }

  stoodStill(message: string): void {
    this.cutOff('handshake-time', message);
  }

  #transmit(facts: ServedFacts, { device, unaligned }: Export): void {
    this.facts = facts;
    this.#trace('established', { facts });
    const isAligned = facts.knowsBlockSizes || unaligned === 'refuse' || device.takesAnyRange !== true;
    const { statistics } = this;
    const options = { channel: this.#channel, facts, device, isAligned, statistics };
    this.#transmission = new Transmission(options, this.#context);
    this.#options.owner.onNegotiated(this);
    this.#handshake.finish(this.#transmission);
  }

  async #waitForPlace(): Promise<PlaceRefusal | undefined> {
    const place = this.#options.owner.takePlace(this);
    if (place === undefined) return undefined;
    const refusal = await this.#handshake.listenDuring(place);
    return this.#isOver ? 'gone' : refusal;
  }

  get #description(): ClientDescription {
    const { peer, tls } = this;
    return tls === undefined ? { peer } : { peer, tls };
  }

  /** The channel below TLS may be closed before that of TLS is. */
  #watch(channel: ByteChannel): void {
    void channel.closed.then((reason) => {
      if (channel === this.#channel) void this.#closed(reason);
    });
  }

  async #closed(reason: CloseReason): Promise<void> {
    this.#isOver = true;
    this.#handshake.close();
    this.#transmission?.closed();
    await this.#transmission?.idle;
    this.#exports.releaseAll();
    const cause = 'cause' in reason ? reason.cause : undefined;
    this.#trace('closed', { by: reason.by, ...(cause === undefined ? {} : { error: cause }) });
    this.#settleGone();
  }

  #trace<Name extends keyof ClientEvents>(event: Name, fields: ClientEvents[Name]): void {
    const { trace } = this.#context as { readonly trace: Trace<ClientEvents> };
    if (trace.enabled) trace.emit(event, { peer: this.peer, ...fields });
  }
}
