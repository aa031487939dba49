/** An NBD server: exports, and the clients that use them. */
import {
  type ByteChannel,
  type PeerDescription,
  type SecureUpgrade,
  type ServerTls,
  UsageError,
} from '@nbdjs/interfaces';
import { AccessList } from './admission/access-list.ts';
import { ArrivalQueue } from './admission/arrival-queue.ts';
import { ConnectionGate, type LoopbackLimits } from './admission/connection-gate.ts';
import { ExportPlaces, type PlaceRefusal } from './admission/export-places.ts';
import { HandshakePlaces } from './admission/handshake-places.ts';
import { namesClients, providerOf } from './exports/export-table.ts';
import { createContext, type ServerContext } from './server-context.ts';
import { type ResolvedOptions, resolveOptions, type ServerOptions } from './server-options.ts';
import { Session, type SessionOptions } from './session/session.ts';
import type { SessionDescription } from './session/session-description.ts';
import type { ClientCounts, RefusalReason } from './statistics/client-counts.ts';
import { ExportStatistics } from './statistics/export-statistics.ts';
import { addStatistics, type Statistics } from './statistics/statistics.ts';

/** Time for what is left of a client that is cut off at the end, in milliseconds. */
const lastMs = 50;

/**
 * Serves exports to the clients at the other end of the channels that it is given.
 *
 * It opens and closes no device by itself: what a table or a provider hands out belongs to them.
 */
export interface Server {
  /** Serves one client; settles when it is gone and no device works for it any more. Never rejects. */
  accept(channel: ByteChannel): Promise<void>;
  /** The clients that are connected. */
  readonly sessions: readonly SessionDescription[];
  /** What all clients have done so far, including those that are gone. */
  readonly statistics: Readonly<Statistics>;
  /** The same of all clients of one export. Those that are gone count for the 1024 exports that were used last. */
  statisticsOf(exportName: string): Readonly<Statistics>;
  /** How many clients were accepted, refused and cut off, and why. */
  readonly clients: Readonly<ClientCounts>;
  /** Payload bytes in flight and in replies that wait. */
  readonly bytesInFlight: number;
  /**
   * Has TLS read its files again, or takes another TLS, for clients that connect from now on; no client is cut off.
   *
   * @throws UsageError when something is wrong with them, or when there are none; the server goes on with the old ones.
   */
  reloadTls(tls?: ServerTls): void;
  /**
   * Stops in good order: what is under way is finished, further requests are answered with ESHUTDOWN, further options with
   * `ERR_SHUTDOWN`, and after `closeMs` the clients that are left are cut off. A device that goes on working then is not waited for.
   */
  close(): Promise<void>;
  /** Cuts all clients off; settles when no device works any more. */
  destroy(cause?: Error): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a server that listens nowhere: `accept` gives it its clients. See `serve` for a server with a listener.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when an option is wrong; and what `tls` throws when it cannot read its files.
 */
export function createServer(options: ServerOptions): Server {
  const { connectionsPerAddressMax, connectsPerSecondMax } = options?.limits ?? {};
  return new NbdServer(resolveOptions(options), {
    connectionsPerAddressMax: connectionsPerAddressMax !== undefined,
    connectsPerSecondMax: connectsPerSecondMax !== undefined,
  });
}

class NbdServer implements Server {
  readonly #sessions = new Set<Session>();
  readonly #options: ResolvedOptions;
  readonly #context: ServerContext;
  readonly #sessionOptions: Omit<SessionOptions, 'tls'>;
  readonly #gate: ConnectionGate;
  readonly #arrivals: ArrivalQueue;
  readonly #handshakes: HandshakePlaces<Session>;
  readonly #places: ExportPlaces;
  readonly #exportStatistics = new ExportStatistics();
  #tlsSource: ServerTls | undefined;
  #tls: SecureUpgrade | undefined;
  #isClosing = false;

  constructor(options: ResolvedOptions, loopback: LoopbackLimits) {
    const { settings, clock, nextTurn } = options;
    this.#options = options;
    if (options.tls !== undefined) this.reloadTls(options.tls);
    if (settings.style === 'oldstyle' && (this.#tls?.mode ?? 'off') !== 'off') {
      throw new UsageError('ERR_NBD_ARGUMENT', 'the oldstyle handshake has no TLS, but TLS is set up');
    }
    const access = new AccessList(options.access);
    this.#context = createContext(settings, options, () => this.#places.isWanted);
    this.#gate = new ConnectionGate(clock, settings, loopback, access);
    this.#arrivals = new ArrivalQueue(nextTurn);
    this.#handshakes = new HandshakePlaces(clock, settings);
    this.#places = new ExportPlaces(clock, settings);
    this.#sessionOptions = {
      provider: providerOf(options.exports),
      takePlace: (session) => this.#takePlace(session),
      onNegotiated: (session) => this.#handshakes.leave(session),
    };
  }

  get sessions(): readonly SessionDescription[] {
    return [...this.#sessions];
  }

  get clients(): Readonly<ClientCounts> {
    return this.#context.counts;
  }

  get statistics(): Statistics {
    const sum = { ...this.#exportStatistics.total };
    for (const { statistics } of this.#sessions) addStatistics(sum, statistics);
    return sum;
  }

  statisticsOf(exportName: string): Statistics {
    const sum = this.#exportStatistics.of(exportName);
    for (const { facts, statistics } of this.#sessions) {
      if (facts?.exportName === exportName) addStatistics(sum, statistics);
    }
    return sum;
  }

  get bytesInFlight(): number {
    return this.#context.budget.usedBytes;
  }

  reloadTls(source = this.#tlsSource): void {
    if (source === undefined)
      throw new UsageError('ERR_NBD_STATE', 'this server has no TLS that could be set up again');
    this.#tls = source.load({ identity: namesClients(this.#options.exports) });
    this.#tlsSource = source;
  }

  async accept(channel: ByteChannel): Promise<void> {
    const { peer } = channel;
    const refusal = this.#isClosing ? 'closing' : this.#gate.enter(peer);
    if (refusal !== undefined) {
      await this.#refuse(channel, refusal);
      return;
    }
    await this.#arrivals.turn();
    const session = await this.#handshakes.admit(() => this.#begin(channel));
    if (session instanceof Session) await this.#end(session);
    else await this.#refuse(channel, session);
    this.#gate.leave(peer);
  }

  /** A client that waits for a place is not in the handshake meanwhile: its time does not run. */
  #takePlace(session: Session): Promise<PlaceRefusal | undefined> | undefined {
    const place = this.#places.take(session);
    if (place === undefined) return undefined;
    this.#handshakes.leave(session);
    return place.then((refusal) => {
      if (refusal === 'gone') return refusal;
      this.#handshakes.return(session);
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
    const { counts, trace } = this.#context;
    counts.refused[reason]++;
    if (trace.enabled) trace.emit('refused', { peer, reason });
  }

  #begin(channel: ByteChannel): Session {
    this.#context.counts.accepted++;
    const session = new Session(channel, { ...this.#sessionOptions, tls: this.#tls }, this.#context);
    this.#sessions.add(session);
    return session;
  }

  async #end(session: Session): Promise<void> {
    await session.gone;
    this.#sessions.delete(session);
    this.#handshakes.leave(session);
    this.#places.leave(session);
    this.#exportStatistics.add(session.facts?.exportName, session.statistics);
    this.#options.onSessionEnd?.(session);
  }

  async close(): Promise<void> {
    this.#stopWaiting();
    const sessions = [...this.#sessions];
    for (const session of sessions) session.shutDown();
    const { clock, settings } = this.#context;
    let cancel = (): void => {};
    const overdue = new Promise<void>((resolve) => {
      cancel = clock.schedule(settings.closeMs, () => {
        for (const session of sessions) session.destroy();
        // A device that hangs is not waited for; all others have finished by then.
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
    this.#handshakes.close();
    this.#places.close();
  }
}
