/** An NBD server: exports, and the clients that use them. */
import {
  type ByteChannel,
  type Clock,
  type Defer,
  type PeerDescription,
  type Trace,
  UsageError,
} from '@nbdjs/interfaces';
import { diagnosticsTrace, nextTurn, systemClock } from '@nbdjs/node';
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
import { checkServerOptions, ofServer } from './options.ts';
import { type NoPlace, Places } from './places.ts';
import { Reception } from './reception.ts';
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
/** Time for what is left of a client that is cut off at the end, in milliseconds. */
const lastMs = 50;
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
   * `ERR_SHUTDOWN`, and after `closeMs` whoever is still there is cut off. A device that goes on working then is not waited for.
   */
  close(): Promise<void>;
  /** Cuts everybody off; settles when no device works any more. */
  destroy(cause?: Error): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws UsageError when an option is wrong. */
export function createServer(options: ServerOptions): Server {
  checkServerOptions<ServerOptions>(options, ofServer);
  return new NbdServer(options);
}

class NbdServer implements Server {
  readonly #sessions = new Set<Session>();
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #budget: Budget;
  readonly #sessionOptions: Omit<SessionOptions, 'tls'>;
  readonly #gate: Gate;
  readonly clients = noClients();
  readonly #reception: Reception<Session>;
  readonly #places: Places;
  #tlsSettings: TlsServerSettings | undefined;
  #tls: TlsServer | undefined;
  readonly #ledger = new Ledger();
  #isClosing = false;
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
    const { connectionsPerAddressMax, connectsPerSecondMax } = options.limits ?? {};
    const loopback = {
      connectionsPerAddressMax: connectionsPerAddressMax !== undefined,
      connectsPerSecondMax: connectsPerSecondMax !== undefined,
    };
    this.#gate = new Gate(clock, this.#limits, loopback, new AccessList(options.access));
    this.#reception = new Reception(clock, this.#limits);
    this.#places = new Places(clock, this.#limits);
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
      watch: new Watch(clock, leastPatienceMs(this.#limits), this.#budget, this.#places),
      counts: this.clients,
      limits: this.#limits,
      handshake: this.#limits,
      connectionsMax: this.#limits.connectionsMax,
      takePlace: (session) => this.#takePlace(session),
      onNegotiated: (session) => this.#reception.leave(session),
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
    const session = await this.#reception.admit(() => this.#begin(channel));
    if (session instanceof Session) await this.#end(session);
    else await this.#refuse(channel, session);
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

  /** Whoever waits for a place is not in the handshake meanwhile: it is not the one that takes its time. */
  #takePlace(session: Session): Promise<NoPlace | undefined> | undefined {
    const place = this.#places.take(session);
    if (place === undefined) return undefined;
    this.#reception.leave(session);
    return place.then((refusal) => {
      if (refusal === 'gone') return refusal;
      this.#reception.return(session);
      if (refusal !== undefined) this.#noteRefusal(session.peer, refusal);
      return refusal;
    });
  }

  async #refuse(channel: ByteChannel, reason: RefusalReason): Promise<void> {
    this.#noteRefusal(channel.peer, reason);
    channel.destroy();
    await channel.closed;
  }

  #noteRefusal(peer: PeerDescription, reason: RefusalReason): void {
    this.clients.refused[reason]++;
    const { trace } = this.#sessionOptions;
    if (trace.enabled) trace.emit('refused', { peer, reason });
  }

  #begin(channel: ByteChannel): Session {
    this.clients.accepted++;
    const session = new Session(channel, { ...this.#sessionOptions, tls: this.#tls });
    this.#sessions.add(session);
    return session;
  }

  async #end(session: Session): Promise<void> {
    await session.gone;
    this.#sessions.delete(session);
    this.#reception.leave(session);
    this.#places.leave(session);
    this.#ledger.add(session.facts?.exportName, session.statistics);
    this.#options.onSessionEnd?.(session);
  }

  async close(): Promise<void> {
    this.#stopWaiting();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.shutDown();
    const { clock } = this.#sessionOptions;
    let cancel = (): void => {};
    const overdue = new Promise<void>((resolve) => {
      cancel = clock.schedule(this.#limits.closeMs, () => {
        for (const session of sessions) session.destroy();
        // A device that hangs is not waited for; those that do not have let go by then.
        cancel = clock.schedule(lastMs, resolve);
      });
    });
    await Promise.race([overdue, Promise.all(sessions.map(({ gone }) => gone))]);
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
    this.#reception.close();
    this.#places.close();
  }
}

/** The shortest time after which somebody who stands still is cut off. */
function leastPatienceMs({ stallMs, sendStallMs, idleMs, pressureMs, placeMs }: ServerLimits): number {
  return Math.min(...[stallMs, sendStallMs, idleMs, pressureMs, placeMs].filter((limitMs) => limitMs > 0));
}
