/**
 * The connections of one device that are in use together.
 *
 * All of them lead to the same run of the same server, as far as anybody can tell: otherwise a FLUSH by one of them would say
 * nothing of what another has written. When the server was restarted, some connections may not have noticed while a new one
 * is made already. So a new connection is on probation (as long as anything hangs on it, which a journal tells) until one
 * that was there before has answered a request sent afterwards: then the server that the old one leads to is alive, and it is
 * the one that the new one has met. When none of the old ones lives to answer, the new one begins a new *era*: whatever was
 * not flushed may be gone.
 */
import type { Established } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import { Request } from '../requests/request.ts';
import { Connection, type ConnectionContext } from './connection.ts';

export interface ConnectionSetEvents {
  /** More may be sent. */
  room(): void;
  /** The first connection of a new era stands: the server may not be the one that there was before. */
  eraBegun(): void;
  /** The server goes away; nothing is in flight by this connection any more. */
  dismissed(wire: Connection): void;
  /** A connection is gone. */
  lost(wire: Connection, cause: Error | undefined): void;
}

/** What a request costs a connection besides its payload, in bytes of it: for telling which one has less to do. */
const requestWeight = 16 * 1024;

/** As much as every server lets itself be asked for, whatever its block size is. */
const probeBytesMin = 512;

export class ConnectionSet {
  readonly #commons: ConnectionContext;
  readonly #events: ConnectionSetEvents;
  #members: Connection[] = [];
  /** On probation, in the order in which they came. */
  #candidates: Connection[] = [];
  /** Probes that could not leave yet, by the member that is to answer. */
  readonly #unsentProbes = new Map<Connection, Request[]>();

  constructor(commons: ConnectionContext, events: ConnectionSetEvents) {
    this.#commons = commons;
    this.#events = events;
  }

  /** Connections that requests go by. */
  get members(): readonly Connection[] {
    return this.#members;
  }

  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  /** Requests in flight. */
  get inFlight(): number {
    let count = 0;
    for (const wire of this.#members) count += wire.count;
    return count;
  }

  /** Goes up with every delivery. */
  get deliveryCount(): number {
    let count = 0;
    for (const wire of this.#members) count += wire.deliveryCount;
    return count;
  }

  /** All connections, those on probation included. */
  all(): readonly Connection[] {
    return [...this.#members, ...this.#candidates];
  }

  /** Whether requests go by a connection. */
  isMember(wire: Connection): boolean {
    return this.#members.includes(wire);
  }

  /** Has the server say something, whatever it is. */
  ask(wire: Connection): void {
    this.#probe(wire, () => {});
  }

  /** Everything that was given to a connection and is not over. */
  requests(): readonly Request[] {
    return this.#members.flatMap((wire) => wire.requests());
  }

  /** The connection that a request is in flight on. */
  ownerOf(request: Request): Connection | undefined {
    return this.#members.find((wire) => wire.owns(request));
  }

  /** Forgets a request that a server has sent back; tells whether it was there. */
  forgetReturned(request: Request): boolean {
    return this.#members.some((wire) => wire.forgetReturned(request));
  }

  /** The connection with the least to do among those that may take a request now. */
  choose(request: Request): Connection | undefined {
    if (this.#members.length === 1) {
      const only = this.#members[0] as Connection;
      return !only.isBlocked && only.canTake(request) ? only : undefined;
    }
    let best: Connection | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (const wire of this.#members) {
      const load = wire.bytesInFlight + wire.count * requestWeight;
      if (load >= bestLoad || wire.isBlocked || !wire.canTake(request)) continue;
      best = wire;
      bestLoad = load;
    }
    return best;
  }

  /** Lets all that was issued leave. */
  send(): void {
    for (const wire of this.#members) wire.send();
  }

  /** A new connection. */
  add(established: Established): void {
    const wire: Connection = new Connection(established, this.#commons, {
      room: () => this.#room(wire),
      dismissed: () => this.#events.dismissed(wire),
      lost: (cause) => this.#lost(wire, cause),
    });
    const isFirst = this.isEmpty;
    const isTrusted = isFirst || this.#commons.journal === undefined || wire.facts.size === 0n;
    if (isTrusted) this.#members.push(wire);
    else this.#candidates.push(wire);
    wire.start();
    if (isFirst) {
      if (this.#members.includes(wire)) this.#events.eraBegun();
    } else if (!isTrusted) {
      for (const member of this.#members) this.#probe(member, () => this.#accept(wire));
    }
    this.#events.room();
  }

  /** Takes a connection out that its owner takes leave of, with what is to go by another one. */
  remove(wire: Connection): readonly Request[] {
    this.#members = this.#members.filter((other) => other !== wire);
    this.#candidates = this.#candidates.filter((other) => other !== wire);
    this.#unsentProbes.delete(wire);
    return wire.takeBack();
  }

  /** Nobody is left to vouch for those on probation: the latest of them begins a new era, without the others. */
  promote(): void {
    const wire = this.#candidates.pop();
    if (!this.isEmpty || wire === undefined) return;
    this.#members.push(wire);
    for (const other of [...this.#candidates]) other.destroy();
    this.#events.eraBegun();
    this.#events.room();
  }

  /** Ends all connections now. */
  destroy(cause: Error | undefined): void {
    for (const wire of this.all()) wire.destroy(cause);
  }

  #room(wire: Connection): void {
    const probes = this.#unsentProbes.get(wire);
    if (probes !== undefined && !wire.isBlocked) {
      this.#unsentProbes.delete(wire);
      for (const probe of probes) wire.issue(probe);
      wire.send();
    }
    this.#events.room();
  }

  /** Asks for a few bytes. Any answer will do, so that an error is as good. */
  #probe(wire: Connection, answered: () => void): void {
    const { size, blockSizes } = wire.facts;
    if (size === 0n) return;
    const length = Math.min(Number(size), Math.max(blockSizes?.minimum ?? 1, probeBytesMin));
    const probe = new Request(Command.Read, 0, 0, 0, 0, length, new Uint8Array(length));
    probe.resolve = answered;
    probe.reject = answered;
    probe.detailed().onLost = () => {};
    if (wire.isBlocked) {
      this.#unsentProbes.set(wire, [...(this.#unsentProbes.get(wire) ?? []), probe]);
      return;
    }
    wire.issue(probe);
    wire.send();
  }

  #accept(candidate: Connection): void {
    if (!this.#candidates.includes(candidate)) return;
    this.#candidates = this.#candidates.filter((other) => other !== candidate);
    this.#members.push(candidate);
    this.#events.room();
  }

  #lost(wire: Connection, cause: Error | undefined): void {
    if (this.all().includes(wire)) this.#events.lost(wire, cause);
  }
}
