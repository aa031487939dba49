/** What a thread of a server does: sessions of the clients that the acceptor sends, which it asks for places and tells of every step. */
import { closeSync } from 'node:fs';
import type { ByteChannel, Cancel, Clock, SecureUpgrade, Trace } from '@nbdjs/interfaces';
import { fromErrorRecord, toError, toErrorRecord } from '@nbdjs/kit';
import { nextTurn, systemClock } from '@nbdjs/node';
import type { ClientOwner } from '../admission/acceptor.ts';
import type { PlaceRefusal } from '../admission/export-places.ts';
import type { ServerEvents } from '../events.ts';
import type { ExportProvider } from '../exports/export.ts';
import { createContext, keptBytesMax, type ServerContext } from '../server-context.ts';
import { Session } from '../session/session.ts';
import { cutOffReasons, noClients } from '../statistics/client-counts.ts';
import { EventEncoder } from './event-records.ts';
import { openSessionMemory, type SessionState } from './session-memory.ts';
import { sharedCounters } from './shared-counters.ts';
import { SharedTotal } from './shared-total.ts';
import type { ThreadOrder, ThreadReport, ThreadStart } from './thread-messages.ts';

export interface ThreadParts {
  readonly start: ThreadStart;
  readonly post: (report: ThreadReport) => void;
  readonly adopt: (fd: number, peer: ByteChannel['peer']) => ByteChannel;
  readonly provider: ExportProvider;
  /** Reads what TLS needs; `undefined` without TLS. */
  readonly loadTls: () => SecureUpgrade | undefined;
}

interface SessionRecord {
  readonly number: number;
  readonly session: Session;
  readonly state: SessionState;
  /** Settles the client's wait for a place. */
  placed?: (refusal: PlaceRefusal | undefined) => void;
}

/** How often the acceptor is told how its clients get on, in milliseconds. */
const sampleMs = 250;

export class ThreadService implements ClientOwner<Session> {
  readonly #parts: ThreadParts;
  readonly #clock: Clock = systemClock;
  readonly #context: ServerContext;
  readonly #byNumber = new Map<number, SessionRecord>();
  readonly #bySession = new Map<Session, SessionRecord>();
  readonly #handshaking = new Set<Session>();
  readonly #encoder = new EventEncoder();
  #tls: SecureUpgrade | undefined;
  /** Loaded, and not used yet. */
  #nextTls: SecureUpgrade | undefined;
  #arePlacesWanted = false;
  #isTraced: boolean;
  #cancelSampling: Cancel | undefined;

  /** @throws what `loadTls` throws. */
  constructor(parts: ThreadParts) {
    const { start, post, loadTls } = parts;
    const { thread, threadCount, settings, totalMemory, cutOffMemory } = start;
    this.#parts = parts;
    this.#isTraced = start.isTraced;
    this.#tls = loadTls();
    const total = new SharedTotal(totalMemory, thread, settings.serverBytesMax);
    this.#context = createContext(
      settings,
      { clock: this.#clock, nextTurn, trace: this.#trace() },
      () => this.#arePlacesWanted,
      {
        budget: { total, onFreed: () => post({ type: 'memory-freed' }) },
        counts: { ...noClients(), cutOff: sharedCounters(cutOffReasons, cutOffMemory) },
        keptBytesMax: keptBytesMax / threadCount,
      },
    );
  }

  /** Carries out an order; orders about clients that are gone, and orders of unknown types, are ignored. */
  hear(order: ThreadOrder): void {
    switch (order.type) {
      case 'serve':
        this.#serve(order);
        break;
      case 'placed':
        this.#byNumber.get(order.session)?.placed?.(order.refusal);
        break;
      case 'shut-down':
        this.#byNumber.get(order.session)?.session.shutDown();
        break;
      case 'destroy':
        this.#byNumber.get(order.session)?.session.destroy(order.error && fromErrorRecord(order.error));
        break;
      case 'cut-off':
        this.#byNumber.get(order.session)?.session.cutOff(order.reason, order.message);
        break;
      case 'places':
        this.#arePlacesWanted = order.areWanted;
        this.#sample();
        break;
      case 'trace':
        this.#isTraced = order.isOn;
        break;
      case 'memory-freed':
        this.#context.budget.noteFreedElsewhere();
        break;
      case 'load-tls':
        this.#loadTls(order.request);
        break;
      case 'use-tls':
        this.#tls = this.#nextTls;
        break;
      case 'finish':
        for (const { session } of this.#byNumber.values()) session.destroy();
    }
  }

  takePlace(session: Session): Promise<PlaceRefusal | undefined> {
    const record = this.#bySession.get(session);
    if (record === undefined) return Promise.resolve('gone');
    const answer = new Promise<PlaceRefusal | undefined>((resolve) => {
      record.placed = resolve;
    });
    this.#parts.post({ type: 'place-wanted', session: record.number });
    return answer;
  }

  onNegotiated(session: Session): void {
    const { facts } = session;
    this.#handshaking.delete(session);
    const number = this.#bySession.get(session)?.number;
    if (number !== undefined && facts !== undefined) this.#parts.post({ type: 'negotiated', session: number, facts });
  }

  #serve({ session: number, fd, peer, memory }: Extract<ThreadOrder, { type: 'serve' }>): void {
    const { statistics, state } = openSessionMemory(memory);
    // Set before: a descriptor that both sides closed could by then be another file.
    state.isAdopted = 1;
    let channel: ByteChannel;
    try {
      channel = this.#parts.adopt(fd, peer);
    } catch (error) {
      closeSync(fd);
      const { trace } = this.#context;
      if (trace.enabled) trace.emit('handshake-failed', { peer, error: toError(error) });
      this.#parts.post({ type: 'gone', session: number });
      return;
    }
    const session = new Session(
      channel,
      {
        provider: this.#parts.provider,
        tls: this.#tls,
        owner: this,
        statistics,
        onSecured: ({ peer: secured, tls }) => {
          if (tls !== undefined) this.#parts.post({ type: 'secured', session: number, peer: secured, tls });
        },
      },
      this.#context,
    );
    const record = { number, session, state };
    this.#byNumber.set(number, record);
    this.#bySession.set(session, record);
    this.#handshaking.add(session);
    void session.gone.then(() => this.#forget(record));
    this.#scheduleSample();
  }

  #forget(record: SessionRecord): void {
    this.#byNumber.delete(record.number);
    this.#bySession.delete(record.session);
    this.#handshaking.delete(record.session);
    record.placed?.('gone');
    this.#parts.post({ type: 'gone', session: record.number });
  }

  #loadTls(request: number): void {
    try {
      this.#nextTls = this.#parts.loadTls();
      this.#parts.post({ type: 'tls-loaded', request, error: undefined });
    } catch (error) {
      this.#parts.post({ type: 'tls-loaded', request, error: toErrorRecord(error) });
    }
  }

  /** The acceptor looks at these only while clients wait: for a place, or in the handshake. */
  #sample(): void {
    this.#cancelSampling?.();
    this.#cancelSampling = undefined;
    const now = this.#clock.now();
    for (const { session, state } of this.#byNumber.values()) {
      state.isAtRest = session.isAtRest ? 1 : 0;
      state.standstillMs = session.isNegotiated ? 0 : session.standstillMs(now);
    }
    this.#scheduleSample();
  }

  /** One timer, and none while there is nothing to look at. */
  #scheduleSample(): void {
    if (this.#cancelSampling !== undefined || this.#byNumber.size === 0) return;
    if (this.#handshaking.size > 0 || this.#arePlacesWanted) {
      this.#cancelSampling = this.#clock.schedule(sampleMs, () => this.#sample());
    }
  }

  #trace(): Trace<ServerEvents> {
    const isTraced = (): boolean => this.#isTraced;
    return {
      get enabled() {
        return isTraced();
      },
      emit: (event, fields) => this.#parts.post({ type: 'event', ...this.#encoder.encode(event, fields as object) }),
    };
  }
}
