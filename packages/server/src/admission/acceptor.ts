/** Decides which clients are served and when, and counts them. It does not know in which thread their sessions run. */
import type { ByteChannel, Clock, Defer, PeerDescription, Trace } from '@nbdjs/interfaces';
import type { ServerEvents } from '../events.ts';
import type { ServerSettings } from '../server-settings.ts';
import type { SessionDescription } from '../session/session-description.ts';
import type { ClientCounts, RefusalReason } from '../statistics/client-counts.ts';
import { ExportStatistics } from '../statistics/export-statistics.ts';
import { addStatistics, type Statistics } from '../statistics/statistics.ts';
import { ArrivalQueue } from './arrival-queue.ts';
import type { ClientFilter } from './client-filter.ts';
import { ConnectionGate, type LoopbackLimits } from './connection-gate.ts';
import { ExportPlaces, type PlaceHolder, type PlaceRefusal } from './export-places.ts';
import { HandshakePlaces, type HandshakingClient } from './handshake-places.ts';

/** A client that is served, here or in another thread. */
export interface ServedClient extends SessionDescription, HandshakingClient, PlaceHolder {
  /** Whether the handshake is over. */
  readonly isNegotiated: boolean;
  /** Settles when the client is gone and no device works for it any more. */
  readonly gone: Promise<void>;
  /** Ends in good order: what is under way is finished. */
  shutDown(): void;
  /** Ends now. */
  destroy(cause?: Error): void;
}

/** What a client's session asks the acceptor for. */
export interface ClientOwner<Client> {
  /** Waits for a place among the clients that use an export, before one is opened. The answer is why there is none. */
  takePlace(client: Client): Promise<PlaceRefusal | undefined> | undefined;
  /** Called when the handshake is over. */
  onNegotiated(client: Client): void;
}

export interface AcceptorParts<Client extends ServedClient> {
  readonly settings: ServerSettings;
  readonly clock: Clock;
  readonly nextTurn: Defer;
  readonly trace: Trace<ServerEvents>;
  readonly access: ClientFilter;
  readonly loopback: LoopbackLimits;
  readonly counts: ClientCounts;
  /** Begins the session of a client that may enter. */
  readonly begin: (channel: ByteChannel) => Client;
  /** Why no client can be served at the moment, whoever it is. */
  readonly refusal?: () => RefusalReason | undefined;
  /** Called when a client is gone. */
  readonly onEnd?: ((client: Client) => void) | undefined;
}

/** Time for what is left of a client that is cut off at the end, in milliseconds. */
const lastMs = 50;

export class Acceptor<Client extends ServedClient> implements ClientOwner<Client> {
  readonly #parts: AcceptorParts<Client>;
  readonly #clients = new Set<Client>();
  readonly #gate: ConnectionGate;
  readonly #arrivals: ArrivalQueue;
  readonly #handshakes: HandshakePlaces<Client>;
  readonly #places: ExportPlaces;
  readonly #exportStatistics = new ExportStatistics();
  #isClosing = false;

  constructor(parts: AcceptorParts<Client>) {
    const { clock, settings, nextTurn, loopback, access } = parts;
    this.#parts = parts;
    this.#gate = new ConnectionGate(clock, settings, loopback, access);
    this.#arrivals = new ArrivalQueue(nextTurn);
    this.#handshakes = new HandshakePlaces(clock, settings);
    this.#places = new ExportPlaces(clock, settings);
  }

  get clients(): readonly Client[] {
    return [...this.#clients];
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Whether a client waits for a place to use an export. */
  get isPlaceWanted(): boolean {
    return this.#places.isWanted;
  }

  get statistics(): Statistics {
    const sum = { ...this.#exportStatistics.total };
    for (const { statistics } of this.#clients) addStatistics(sum, statistics);
    return sum;
  }

  statisticsOf(exportName: string): Statistics {
    const sum = this.#exportStatistics.of(exportName);
    for (const { facts, statistics } of this.#clients) {
      if (facts?.exportName === exportName) addStatistics(sum, statistics);
    }
    return sum;
  }

  async accept(channel: ByteChannel): Promise<void> {
    const { peer } = channel;
    const refusal = this.#isClosing ? 'closing' : (this.#parts.refusal?.() ?? this.#gate.enter(peer));
    if (refusal !== undefined) {
      await this.#refuse(channel, refusal);
      return;
    }
    await this.#arrivals.turn();
    const client = await this.#handshakes.admit(() => this.#begin(channel));
    if (typeof client === 'string') await this.#refuse(channel, client);
    else await this.#end(client);
    this.#gate.leave(peer);
  }

  /** A client that waits for a place is not in the handshake meanwhile: its time does not run. */
  takePlace(client: Client): Promise<PlaceRefusal | undefined> | undefined {
    const place = this.#places.take(client);
    if (place === undefined) return undefined;
    this.#handshakes.leave(client);
    return place.then((refusal) => {
      if (refusal === 'gone') return refusal;
      this.#handshakes.return(client);
      if (refusal !== undefined) this.#noteRefusal(client.peer, refusal);
      return refusal;
    });
  }

  onNegotiated(client: Client): void {
    this.#handshakes.leave(client);
  }

  /** Ends all clients in good order, and those that are left after `closeMs` by force. */
  async close(): Promise<void> {
    this.#stopWaiting();
    const clients = [...this.#clients];
    for (const client of clients) client.shutDown();
    const { clock, settings } = this.#parts;
    let cancel = (): void => {};
    const overdue = new Promise<void>((resolve) => {
      cancel = clock.schedule(settings.closeMs, () => {
        for (const client of clients) client.destroy();
        // A device that hangs is not waited for; all others have finished by then.
        cancel = clock.schedule(lastMs, resolve);
      });
    });
    await Promise.race([overdue, Promise.all(clients.map(({ gone }) => gone))]);
    cancel();
  }

  /** Cuts all clients off; settles when no device works any more. */
  async destroy(cause?: Error): Promise<void> {
    this.#stopWaiting();
    const clients = [...this.#clients];
    for (const client of clients) client.destroy(cause);
    await Promise.all(clients.map(({ gone }) => gone));
  }

  async #refuse(channel: ByteChannel, reason: RefusalReason): Promise<void> {
    this.#noteRefusal(channel.peer, reason);
    channel.destroy();
    await channel.closed;
  }

  #noteRefusal(peer: PeerDescription, reason: RefusalReason): void {
    const { counts, trace } = this.#parts;
    counts.refused[reason]++;
    if (trace.enabled) trace.emit('refused', { peer, reason });
  }

  #begin(channel: ByteChannel): Client {
    this.#parts.counts.accepted++;
    const client = this.#parts.begin(channel);
    this.#clients.add(client);
    return client;
  }

  async #end(client: Client): Promise<void> {
    await client.gone;
    this.#clients.delete(client);
    this.#handshakes.leave(client);
    this.#places.leave(client);
    this.#exportStatistics.add(client.facts?.exportName, client.statistics);
    this.#parts.onEnd?.(client);
  }

  #stopWaiting(): void {
    this.#isClosing = true;
    this.#handshakes.close();
    this.#places.close();
  }
}
