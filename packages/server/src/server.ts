/** An NBD server: exports, and the clients that use them. */
import { type ByteChannel, type Clock, type Defer, type Trace, UsageError } from '@nbdjs/interfaces';
import { diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/syscalls';
import { createTlsServer, type TlsServer, type TlsServerSettings } from '@nbdjs/transport';
import { AccessList, type AccessRules } from './access.ts';
import { Budget } from './budget.ts';
import { BusyPoll } from './busy-poll.ts';
import { type ClientCounts, noClients, type RefusalReason } from './clients.ts';
import { DeviceUsers } from './device-users.ts';
import { type ExportProvider, type ExportTable, namesClients, providerOf } from './exports.ts';
import { Gate } from './gate.ts';
import { Ledger } from './ledger.ts';
import { type GivenLimits, type ServerLimits, settleLimits } from './limits.ts';
import { MemoryPool } from './memory-pool.ts';
import { Session, type SessionDescription, type SessionOptions } from './session.ts';
import { addStatistics, type Statistics } from './statistics.ts';
import { Watch } from './watch.ts';

export interface ServerOptions {
  /** A table of devices by name, or somebody who decides. A table's single export is the default one, too. */
  readonly exports: ExportTable | ExportProvider;
  readonly limits?: GivenLimits | undefined;
  /** Who may come. @default everybody */
  readonly access?: AccessRules | undefined;
  /**
   * Certificates or shared keys, and whom to serve. Clients have to show certificates when a table's export is for some of them.
   *
   * @default no TLS
   */
  readonly tls?: TlsServerSettings | undefined;
  /**
   * `oldstyle`: tells everybody of the default export at once, for clients from before there were options; simple replies, no TLS.
   * @default 'newstyle'
   */
  readonly style?: 'newstyle' | 'oldstyle' | undefined;
  /** How far clients may raise the agreement. @default 'extended' */
  readonly mode?: 'simple' | 'structured' | 'extended' | undefined;
  /** Called when a client that had finished the handshake (or not) is gone. */
  readonly onSessionEnd?: ((session: SessionDescription & { readonly isNegotiated: boolean }) => void) | undefined;
  /**
   * How long to stay awake for the next request, in milliseconds, while clients are found to come back that quickly; the processor
   * is busy meanwhile. 0 to go to sleep at once. @default 0.1
   */
  readonly busyPollMs?: number | undefined;
  /** @default Node's monotonic clock */
  readonly clock?: Clock | undefined;
  /** @default setImmediate */
  readonly nextTurn?: Defer | undefined;
  /** @default diagnostics channels `nbdjs:server:<event>` */
  readonly trace?: Trace | undefined;
}

/** Events on the diagnostics channels `nbdjs:server:<event>`. */
export const traceEvents = [
  'option',
  'refused',
  'cut-off',
  'tls',
  'export-refused',
  'handshake-failed',
  'established',
  'request-failed',
  'closed',
] as const;

/**
 * Longer than it takes a client on the same machine to come back. With half as much, one whose answer is slowed down by waking the
 * server is never found to come back quickly, and waking it goes on.
 */
const busyPollMsDefault = 0.1;
/** Whoever takes longer can as well be woken. */
const busyPollMsMax = 10;
/** Clients that are let in in one turn of the loop. A new one costs as much as several requests. */
const arrivalsMax = 16;
/** Free memory that is kept for the next request. */
const keptBytesMax = 32 * 2 ** 20;

/**
 * Serves exports to whoever is at the other end of the channels that it is given.
 *
 * It opens and closes no device of its own accord: what a table or a provider hands out belongs to them.
 */
export interface Server {
  /** Serves one client; settles when it is gone and no device works for it any more. Never rejects. */
  accept(channel: ByteChannel): Promise<void>;
  /** The clients that are connected. */
  readonly sessions: readonly SessionDescription[];
  /** Of all clients so far. */
  readonly statistics: Readonly<Statistics>;
  /** Of all clients of one export so far; with a provider, of the 1024 exports that were used last. */
  statisticsOf(exportName: string): Readonly<Statistics>;
  /** How many clients have come, were turned away, and were cut off, and why. */
  readonly clients: Readonly<ClientCounts>;
  /** Payload bytes in flight and in replies that wait. */
  readonly bytesInFlight: number;
  /**
   * Reads the files that TLS was told of again, or takes other settings, for clients that come from now on; nobody is cut off.
   *
   * @throws UsageError when something is wrong with them, or when there are none; the server goes on with the old ones.
   */
  reloadTls(settings?: TlsServerSettings): void;
  /**
   * Stops in good order: what is under way is finished, further requests are answered with ESHUTDOWN, further options with
   * `ERR_SHUTDOWN`, and after `closeMs` whoever is still there is cut off.
   */
  close(): Promise<void>;
  /** Cuts everybody off; settles when no device works any more. */
  destroy(cause?: Error): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws UsageError when an option is wrong. */
export function createServer(options: ServerOptions): Server {
  return new NbdServer(options);
}

class NbdServer implements Server {
  readonly #sessions = new Set<Session>();
  readonly #waiting: { readonly channel: ByteChannel; readonly start: () => void }[] = [];
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #budget: Budget;
  readonly #sessionOptions: Omit<SessionOptions, 'tls'>;
  readonly #gate: Gate;
  readonly clients = noClients();
  /** Those in the handshake, the one that has been at it longest first. */
  readonly #shakingHands = new Set<Session>();
  #tlsSettings: TlsServerSettings | undefined;
  #tls: TlsServer | undefined;
  readonly #ledger = new Ledger();
  #isClosing = false;
  #placesTaken = 0;
  /** Clients that have come in this turn of the loop, and those for whom that was too many. */
  #arrivals = 0;
  readonly #crowd: (() => void)[] = [];
  readonly #nextArrivals = (): void => this.#admitArrivals();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = settleLimits(options.limits ?? {});
    if (options.tls !== undefined) this.reloadTls(options.tls);
    if (options.style === 'oldstyle' && (this.#tls?.mode ?? 'off') !== 'off') {
      throw new UsageError('ERR_NBD_ARGUMENT', 'the oldstyle handshake knows no TLS, which is set up');
    }
    const { clock = systemClock, nextTurn: defer = nextTurn, busyPollMs = busyPollMsDefault } = options;
    this.#budget = new Budget(this.#limits.serverBytesMax, defer);
    this.#gate = new Gate(clock, this.#limits, new AccessList(options.access));
    if (!(busyPollMs >= 0 && busyPollMs <= busyPollMsMax)) {
      const message = `busyPollMs is ${busyPollMs}, expected 0 to ${busyPollMsMax} milliseconds`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    this.#sessionOptions = {
      clock,
      nextTurn: defer,
      trace: options.trace ?? diagnosticsTrace('server', traceEvents),
      pool: new MemoryPool(keptBytesMax),
      budget: this.#budget,
      users: new DeviceUsers(),
      busyPoll: new BusyPoll(clock, defer, busyPollMs),
      watch: new Watch(clock, leastPatienceMs(this.#limits), this.#budget),
      counts: this.clients,
      limits: this.#limits,
      handshake: this.#limits,
      onNegotiated: (session) => this.#shakingHands.delete(session),
      provider: providerOf(options.exports),
      handshakeMs: this.#limits.handshakeMs,
      style: options.style ?? 'newstyle',
      mode: options.mode ?? 'extended',
    };
  }

  get sessions(): readonly SessionDescription[] {
    return [...this.#sessions];
  }

  get statistics(): Statistics {
    const sum = { ...this.#ledger.total };
    for (const { statistics } of this.#sessions) addStatistics(sum, statistics);
    return sum;
  }

  statisticsOf(exportName: string): Statistics {
    const sum = this.#ledger.of(exportName);
    for (const { facts, statistics } of this.#sessions) {
      if (facts?.exportName === exportName) addStatistics(sum, statistics);
    }
    return sum;
  }

  get bytesInFlight(): number {
    return this.#budget.usedBytes;
  }

  reloadTls(settings = this.#tlsSettings): void {
    if (settings === undefined)
      throw new UsageError('ERR_NBD_STATE', 'this server has no TLS that could be set up again');
    const mustKnow = namesClients(this.#options.exports) || undefined;
    this.#tls = createTlsServer({ ...settings, verifyPeer: settings.verifyPeer ?? mustKnow });
    this.#tlsSettings = settings;
  }

  async accept(channel: ByteChannel): Promise<void> {
    const { peer } = channel;
    const refusal = this.#isClosing ? 'closing' : this.#gate.enter(peer);
    if (refusal !== undefined) {
      await this.#refuse(channel, refusal);
      return;
    }
    await this.#waitForTurn();
    const late = await this.#takePlace(channel);
    if (late === undefined) await this.#serve(channel);
    else await this.#refuse(channel, late);
    this.#gate.leave(peer);
  }

  /** Those who are being served have their turn between those who come. */
  async #waitForTurn(): Promise<void> {
    if (this.#arrivals === 0) this.#sessionOptions.nextTurn(this.#nextArrivals);
    this.#arrivals++;
    if (this.#arrivals > arrivalsMax) await new Promise<void>((start) => this.#crowd.push(start));
  }

  #admitArrivals(): void {
    this.#arrivals = 0;
    const next = this.#crowd.splice(0, arrivalsMax);
    if (next.length === 0) return;
    this.#arrivals = next.length;
    this.#sessionOptions.nextTurn(this.#nextArrivals);
    for (const start of next) start();
  }

  /** Waits for a place, not read and not greeted, as in a listener's backlog. Why there will be none is the answer. */
  async #takePlace(channel: ByteChannel): Promise<RefusalReason | undefined> {
    const { connectionsMax, waitingMax } = this.#limits;
    if (this.#isClosing) return 'closing';
    if (connectionsMax === 0 || this.#placesTaken < connectionsMax) {
      this.#placesTaken++;
      return undefined;
    }
    if (this.#waiting.length >= waitingMax) return 'too-many';
    // Whoever leaves hands the place over.
    await new Promise<void>((start) => this.#waiting.push({ channel, start }));
    return this.#isClosing ? 'closing' : undefined;
  }

  async #refuse(channel: ByteChannel, reason: RefusalReason): Promise<void> {
    this.clients.refused[reason]++;
    const { trace } = this.#sessionOptions;
    if (trace.enabled) trace.emit('refused', { peer: channel.peer, reason });
    channel.destroy();
    await channel.closed;
  }

  async #serve(channel: ByteChannel): Promise<void> {
    const { handshakesMax } = this.#limits;
    if (handshakesMax > 0 && this.#shakingHands.size >= handshakesMax) this.#makeRoom();
    this.clients.accepted++;
    const session = new Session(channel, { ...this.#sessionOptions, tls: this.#tls });
    this.#sessions.add(session);
    this.#shakingHands.add(session);
    await session.gone;
    this.#sessions.delete(session);
    this.#shakingHands.delete(session);
    this.#ledger.add(session.facts?.exportName, session.statistics);
    const next = this.#waiting.shift();
    if (next === undefined) this.#placesTaken--;
    else next.start();
    this.#options.onSessionEnd?.(session);
  }

  /** Whoever means it well is done in a moment, so the one who has taken longest is the one to do without. */
  #makeRoom(): void {
    const [longest] = this.#shakingHands;
    if (longest === undefined) return;
    this.#shakingHands.delete(longest);
    longest.cutOff('handshake-crowd', 'others need the place of the client that takes longest over its handshake');
  }

  async close(): Promise<void> {
    this.#stopWaiting();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.shutDown();
    const cancel = this.#sessionOptions.clock.schedule(this.#limits.closeMs, () => {
      for (const session of sessions) session.destroy();
    });
    await Promise.all(sessions.map(({ gone }) => gone));
    cancel();
  }

  async destroy(cause?: Error): Promise<void> {
    this.#stopWaiting();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.destroy(cause);
    await Promise.all(sessions.map(({ gone }) => gone));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #stopWaiting(): void {
    this.#isClosing = true;
    for (const { start } of this.#waiting.splice(0)) start();
  }
}

/** The shortest time after which somebody who stands still is cut off. */
function leastPatienceMs({ stallMs, sendStallMs, idleMs, pressureMs }: ServerLimits): number {
  return Math.min(...[stallMs, sendStallMs, idleMs, pressureMs].filter((limitMs) => limitMs > 0));
}
