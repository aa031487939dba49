/** The threads of a server: gives each client to the one that serves the fewest, and replaces threads that die. */
import type { ByteChannel, Trace } from '@nbdjs/interfaces';
import type { ServerEvents } from '../events.ts';
import type { Exported } from '../exports/export-table.ts';
import type { ServerSettings } from '../server-settings.ts';
import { type CutOffReason, cutOffReasons } from '../statistics/client-counts.ts';
import { EventDecoder } from './event-records.ts';
import type { RemoteSession } from './remote-session.ts';
import { type OtherReport, ServerThread, type ThreadOwner } from './server-thread.ts';
import { counterMemory, sharedCounters } from './shared-counters.ts';
import { SharedTotal, sharedTotalMemory } from './shared-total.ts';
import type { ThreadOrder, ThreadStart } from './thread-messages.ts';
import type { DetachedSocket, ThreadSettings } from './thread-options.ts';

export interface PoolParts {
  readonly settings: ServerSettings;
  readonly threads: ThreadSettings;
  readonly trace: Trace<ServerEvents>;
  /** A client wants to open an export. Its answer is sent to the thread. */
  readonly onPlaceWanted: (session: RemoteSession, answer: (order: ThreadOrder) => void) => void;
  readonly onNegotiated: (session: RemoteSession) => void;
}

/** A place that one thread after the other may have. */
interface Seat {
  thread: ServerThread;
  readonly total: SharedTotal;
  readonly cutOff: Readonly<Record<CutOffReason, number>>;
  readonly cutOffMemory: SharedArrayBuffer;
  decoder: EventDecoder;
}

export class ThreadPool implements ThreadOwner {
  readonly #parts: PoolParts;
  readonly #totalMemory: SharedArrayBuffer;
  readonly #seats: Seat[] = [];
  #replacementsLeft: number;
  /** All threads have opened their exports once. Before that, a thread that dies is an error of the start. */
  #hasStarted = false;
  #isEnding = false;
  #isTraced: boolean;
  #nextRequest = 0;

  constructor(parts: PoolParts) {
    const { threads, trace } = parts;
    this.#parts = parts;
    this.#replacementsLeft = threads.replacementsMax;
    this.#isTraced = trace.enabled;
    this.#totalMemory = sharedTotalMemory(threads.count);
    for (let place = 0; place < threads.count; place++) this.#seats.push(this.#makeSeat(place));
  }

  /** Settles when all threads have opened their exports. @throws what one of them has thrown; then all have ended. */
  async ready(): Promise<Exported> {
    try {
      const [first] = await Promise.all(this.#seats.map(({ thread }) => thread.ready));
      this.#hasStarted = true;
      return first as Exported;
    } catch (error) {
      await this.end(0);
      throw error;
    }
  }

  /** Whether a thread can be given a client. */
  get isUsable(): boolean {
    return this.#seats.some(({ thread }) => thread.isUsable);
  }

  get usedBytes(): number {
    return this.#seats[0]?.total.usedBytes ?? 0;
  }

  /** The clients that each thread has cut off so far. */
  get cutOffs(): readonly Readonly<Record<CutOffReason, number>>[] {
    return this.#seats.map(({ cutOff }) => cutOff);
  }

  /** Takes the socket of a client away from this thread; `undefined` when that is not possible. */
  detach(channel: ByteChannel): DetachedSocket | undefined {
    return this.#parts.threads.detach(channel);
  }

  /** Gives a client to a thread; `undefined` when there is none. */
  serve(socket: DetachedSocket): RemoteSession | undefined {
    this.#updateTrace();
    let best: ServerThread | undefined;
    for (const { thread } of this.#seats) {
      if (thread.isUsable && (best === undefined || isBetter(thread, best))) best = thread;
    }
    return best?.serve(socket);
  }

  /** Sends an order to all threads. */
  sendAll(order: ThreadOrder): void {
    for (const { thread } of this.#seats) thread.send(order);
  }

  /** Has all threads read what TLS needs, and then use it. @throws what is wrong with it; all threads go on with the old one then. */
  async reloadTls(): Promise<void> {
    const request = this.#nextRequest++;
    const errors = await Promise.all(this.#seats.map(({ thread }) => thread.loadTls(request)));
    const error = errors.find((one) => one !== undefined);
    if (error !== undefined) throw error;
    this.sendAll({ type: 'use-tls' });
  }

  /** Ends all threads. They have so long to close their devices, in milliseconds; then they are stopped. */
  async end(limitMs: number): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#seats.map(({ thread }) => (limitMs > 0 ? thread.end(limitMs) : thread.stop())));
  }

  hear(thread: ServerThread, report: OtherReport, session: RemoteSession | undefined): void {
    const { trace, onPlaceWanted, onNegotiated } = this.#parts;
    switch (report.type) {
      case 'place-wanted':
        if (session !== undefined) onPlaceWanted(session, (order) => thread.send(order));
        break;
      case 'secured':
        if (session === undefined) break;
        session.peer = report.peer;
        session.tls = report.tls;
        break;
      case 'negotiated':
        if (session === undefined) break;
        session.facts = report.facts;
        onNegotiated(session);
        break;
      case 'event':
        if (trace.enabled) trace.emit(...(this.#seats[thread.place] as Seat).decoder.decode(report));
        break;
      case 'memory-freed':
        for (const other of this.#seats) if (other.thread !== thread) other.thread.send(report);
    }
  }

  died(thread: ServerThread, error: Error, sessions: readonly RemoteSession[]): void {
    const seat = this.#seats[thread.place];
    if (seat === undefined) return;
    seat.total.release();
    if (!this.#hasStarted) return;
    this.sendAll({ type: 'memory-freed' });
    const isReplaced = !this.#isEnding && this.#replacementsLeft > 0;
    const { trace } = this.#parts;
    if (trace.enabled) {
      trace.emit('thread-ended', { thread: thread.place, sessions: sessions.length, isReplaced, error });
      for (const { peer } of sessions) trace.emit('closed', { peer, by: 'error', error });
    }
    if (!isReplaced) return;
    this.#replacementsLeft--;
    seat.thread = this.#start(thread.place, seat.cutOffMemory);
    seat.decoder = new EventDecoder();
  }

  #makeSeat(place: number): Seat {
    const cutOffMemory = counterMemory(cutOffReasons.length);
    return {
      thread: this.#start(place, cutOffMemory),
      total: new SharedTotal(this.#totalMemory, place, this.#parts.settings.serverBytesMax),
      cutOff: sharedCounters(cutOffReasons, cutOffMemory),
      cutOffMemory,
      decoder: new EventDecoder(),
    };
  }

  #start(place: number, cutOffMemory: SharedArrayBuffer): ServerThread {
    const { settings, threads } = this.#parts;
    const start: ThreadStart = {
      nbdjsServerThread: true,
      thread: place,
      threadCount: threads.count,
      settings,
      data: threads.data,
      totalMemory: this.#totalMemory,
      cutOffMemory,
      isTraced: this.#isTraced,
    };
    return new ServerThread(threads.module, start, threads.startMs, this);
  }

  /** Subscribers of events come and go; threads are told when the next client comes. */
  #updateTrace(): void {
    const { enabled } = this.#parts.trace;
    if (enabled === this.#isTraced) return;
    this.#isTraced = enabled;
    this.sendAll({ type: 'trace', isOn: enabled });
  }
}

/** A thread that still opens its exports is used only when there is no other. */
function isBetter(one: ServerThread, other: ServerThread): boolean {
  if (one.isReady !== other.isReady) return one.isReady;
  return one.sessionCount < other.sessionCount;
}
