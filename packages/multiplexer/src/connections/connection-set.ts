/**
 * All connections of one device: it is the only owner that they have.
 *
 * Those that are *active* lead to the same run of the same server, as far as can be known: otherwise a FLUSH by one of them would
 * say nothing of what another has written. When the server was restarted, some connections may not have noticed while a new
 * one is made already. So where unflushed writes are noted, a new connection beside others is on *probation*, until one of those
 * has answered a request sent afterwards: then the old one's server has not been restarted, and the new one leads to the same.
 * When all old ones are lost before they answer, the new one begins a new *incarnation* of the server: everything that was not flushed may
 * be gone. To those that are *draining*, a disconnect request was sent, and only their end is awaited.
 */
import type { Established } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import type { UnflushedWrites } from '../durability/unflushed-writes.ts';
import { Request } from '../requests/request.ts';
import { Connection, type ConnectionEvents } from './connection.ts';
import type { ConnectionContext } from './connection-context.ts';

/** A connection that is gone, and what follows from that. */
export interface ConnectionLoss {
  readonly connection: Connection;
  /** A `ProtocolError` when the server broke the rules; absent when it has ended the connection in order. */
  readonly cause: Error | undefined;
  /** Requests without an answer, oldest first. */
  readonly orphans: readonly Request[];
  /** It was active, and has answered something or was asked for nothing. */
  readonly wasUseful: boolean;
}

/** What the set reports. */
export interface ConnectionSetEvents {
  /** More may be sent. */
  capacity(): void;
  /** The first connection of a new incarnation of the server is active. */
  incarnationBegun(): void;
  /** A connection is gone, and in none of the lists any more. */
  lost(loss: ConnectionLoss): void;
}

/** What a request costs a connection besides its payload, in bytes of it: for finding the connection with the least to do. */
const requestWeight = 16 * 1024;

/** As much as every server accepts in one request, with any block size. */
const probeBytesMin = 512;

const ignoreAll: ConnectionEvents = { capacity() {}, dismissed() {}, lost() {} };

export class ConnectionSet {
  readonly #context: ConnectionContext;
  readonly #unflushed: UnflushedWrites;
  readonly #events: ConnectionSetEvents;
  readonly #connectionEvents: ConnectionEvents = {
    capacity: (connection) => this.#hasCapacity(connection),
    dismissed: (connection) => this.#isDismissed(connection),
    lost: (connection, cause) => this.#isLost(connection, cause),
  };
  #active: Connection[] = [];
  /** In the order in which they came. */
  #probation: Connection[] = [];
  /** Each with the promise of its end. */
  readonly #draining = new Map<Connection, Promise<void>>();
  /** Probes that could not leave yet, by the connection that is to answer. */
  readonly #unsentProbes = new Map<Connection, Request[]>();

  constructor(context: ConnectionContext, unflushed: UnflushedWrites, events: ConnectionSetEvents) {
    this.#context = context;
    this.#unflushed = unflushed;
    this.#events = events;
  }

  /** Connections that requests go by. */
  get active(): readonly Connection[] {
    return this.#active;
  }

  /** Whether requests can go by none. */
  get isEmpty(): boolean {
    return this.#active.length === 0;
  }

  /** Connections that stand, those on probation included. */
  get count(): number {
    return this.#active.length + this.#probation.length;
  }

  /** Requests in flight. */
  get inFlight(): number {
    let count = 0;
    for (const connection of this.#active) count += connection.count;
    return count;
  }

  /** Goes up with every delivery. */
  get deliveryCount(): number {
    let count = 0;
    for (const connection of this.#active) count += connection.deliveryCount;
    return count;
  }

  /** All that stand. */
  all(): readonly Connection[] {
    return [...this.#active, ...this.#probation];
  }

  /** Everything that was given to a connection and is not over. */
  requests(): readonly Request[] {
    return this.#active.flatMap((connection) => connection.requests());
  }

  /** The connection that a request is in flight on. */
  ownerOf(request: Request): Connection | undefined {
    return this.#active.find((connection) => connection.owns(request));
  }

  /** Forgets a request that a server has sent back. Returns whether it was there. */
  forgetReturned(request: Request): boolean {
    return this.#active.some((connection) => connection.forgetReturned(request));
  }

  /** The connection with the least to do among those that may take a request now. */
  choose(request: Request): Connection | undefined {
    if (this.#active.length === 1) {
      const only = this.#active[0] as Connection;
      return !only.isBlocked && only.canTake(request) ? only : undefined;
    }
    let best: Connection | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (const connection of this.#active) {
      const load = connection.bytesInFlight + connection.count * requestWeight;
      if (load >= bestLoad || connection.isBlocked || !connection.canTake(request)) continue;
      best = connection;
      bestLoad = load;
    }
    return best;
  }

  /** Lets all that was issued leave. */
  send(): void {
    for (const connection of this.#active) connection.send();
  }

  /** Takes a new connection in. */
  admit(established: Established): void {
    const { journal } = this.#unflushed;
    const connection = new Connection(established, this.#context, journal, this.#connectionEvents);
    const isFirst = this.isEmpty;
    const isTrusted = isFirst || journal === undefined || connection.facts.size === 0n;
    if (isTrusted) this.#active.push(connection);
    else this.#probation.push(connection);
    connection.start();
    if (isFirst) {
      // It may have been lost with its first bytes.
      if (this.#active.includes(connection)) this.#events.incarnationBegun();
    } else if (!isTrusted) {
      for (const witness of this.#active) this.#probe(witness, () => this.#trust(connection));
    }
    this.#events.capacity();
  }

  /** Sends the server a request for the sake of an answer. */
  probe(connection: Connection): void {
    this.#probe(connection, () => {});
  }

  /** No active connection is left to end the probation of others: the latest of these begins a new incarnation, without the rest. */
  promote(): void {
    const connection = this.#probation.pop();
    if (!this.isEmpty || connection === undefined) return;
    this.#active.push(connection);
    for (const other of [...this.#probation]) other.destroy();
    this.#events.incarnationBegun();
    this.#events.capacity();
  }

  /** Ends a connection that is not taken in: in order, unless there is no time for that. */
  decline(established: Established, isAtOnce: boolean): void {
    const connection = new Connection(established, this.#context, undefined, ignoreAll);
    if (isAtOnce) connection.destroy();
    else this.#drain(connection, () => connection.decline());
  }

  /** Sends a disconnect request by all connections. Nothing may be in flight. */
  retireAll(): void {
    for (const connection of this.all()) {
      this.#remove(connection);
      this.#drain(connection, () => connection.farewell());
    }
  }

  /** Settles when no connection is draining any more. */
  async drained(): Promise<void> {
    await Promise.all(this.#draining.values());
  }

  /** Ends all connections that stand. */
  destroy(cause: Error): void {
    for (const connection of this.all()) connection.destroy(cause);
  }

  /** Ends those that are draining, too. */
  destroyDraining(cause: Error | undefined): void {
    for (const connection of this.#draining.keys()) connection.destroy(cause);
  }

  #hasCapacity(connection: Connection): void {
    const probes = this.#unsentProbes.get(connection);
    if (probes !== undefined && !connection.isBlocked) {
      this.#unsentProbes.delete(connection);
      for (const probe of probes) connection.issue(probe);
      connection.send();
    }
    this.#events.capacity();
  }

  /** C58: the server asks us to go. */
  #isDismissed(connection: Connection): void {
    this.#drain(connection, () => connection.farewell());
    this.#isLost(connection, undefined);
  }

  /** Of one that is draining nothing more is expected. */
  #isLost(connection: Connection, cause: Error | undefined): void {
    const isActive = this.#active.includes(connection);
    if (!isActive && !this.#probation.includes(connection)) return;
    const wasUseful = isActive && connection.wasUseful;
    this.#events.lost({ connection, cause, orphans: this.#remove(connection), wasUseful });
  }

  /** Removes a connection, and returns its requests without an answer. */
  #remove(connection: Connection): readonly Request[] {
    this.#active = this.#active.filter((other) => other !== connection);
    this.#probation = this.#probation.filter((other) => other !== connection);
    this.#unsentProbes.delete(connection);
    return connection.takeBack();
  }

  /** Sends a disconnect request, and gives the server some time to end the connection from its side. */
  #drain(connection: Connection, sayGoodbye: () => void): void {
    const { clock, closeMs } = this.#context.settings;
    const cancel = clock.schedule(closeMs, () => connection.destroy());
    const gone = connection.closed.then(() => {
      this.#draining.delete(connection);
      cancel();
    });
    this.#draining.set(connection, gone);
    sayGoodbye();
  }

  /** Asks for a few bytes. Any answer will do, so that an error is as good. */
  #probe(connection: Connection, answered: () => void): void {
    const { size, blockSizes } = connection.facts;
    if (size === 0n) return;
    const length = Math.min(Number(size), Math.max(blockSizes?.minimum ?? 1, probeBytesMin));
    const probe = new Request(Command.Read, 0, 0, 0, 0, length, new Uint8Array(length));
    probe.resolve = answered;
    probe.reject = answered;
    probe.detailed().onLost = () => {};
    if (connection.isBlocked) {
      this.#unsentProbes.set(connection, [...(this.#unsentProbes.get(connection) ?? []), probe]);
      return;
    }
    connection.issue(probe);
    connection.send();
  }

  #trust(connection: Connection): void {
    if (!this.#probation.includes(connection)) return;
    this.#probation = this.#probation.filter((other) => other !== connection);
    this.#active.push(connection);
    this.#events.capacity();
  }
}
