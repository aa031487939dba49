/** A client whose session runs in another thread, as the acceptor sees it. */
import { closeSync } from 'node:fs';
import type { ExportFacts, PeerDescription, TlsPeer } from '@nbdjs/interfaces';
import { toErrorRecord } from '@nbdjs/kit';
import type { ServedClient } from '../admission/acceptor.ts';
import type { CutOffReason } from '../statistics/client-counts.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { newSessionMemory, openSessionMemory, type SessionState } from './session-memory.ts';
import type { ThreadOrder } from './thread-messages.ts';
import type { DetachedSocket } from './thread-options.ts';

export class RemoteSession implements ServedClient {
  readonly number: number;
  readonly #fd: number;
  readonly #send: (order: ThreadOrder) => void;
  readonly #state: SessionState;
  readonly statistics: Statistics;
  peer: PeerDescription;
  tls: TlsPeer | undefined;
  facts: ExportFacts | undefined;
  readonly gone: Promise<void>;
  #settleGone!: () => void;

  /** Sends the client's socket to the thread, which begins the session. `send` must not throw. */
  constructor(number: number, { fd, peer }: DetachedSocket, send: (order: ThreadOrder) => void) {
    const memory = newSessionMemory();
    const { statistics, state } = openSessionMemory(memory);
    this.number = number;
    this.#fd = fd;
    this.peer = peer;
    this.#send = send;
    this.#state = state;
    this.statistics = statistics;
    this.gone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
    send({ type: 'serve', session: number, fd, peer, memory });
  }

  get isNegotiated(): boolean {
    return this.facts !== undefined;
  }

  get isAtRest(): boolean {
    return this.#state.isAtRest === 1;
  }

  get requestCount(): number {
    return this.statistics.requests;
  }

  standstillMs(): number {
    return this.#state.standstillMs;
  }

  cutOff(reason: CutOffReason, message: string): void {
    this.#send({ type: 'cut-off', session: this.number, reason, message });
  }

  shutDown(): void {
    this.#send({ type: 'shut-down', session: this.number });
  }

  destroy(cause?: Error): void {
    this.#send({ type: 'destroy', session: this.number, error: cause && toErrorRecord(cause) });
  }

  /** The thread has ended the session. */
  end(): void {
    this.#settleGone();
  }

  /** The thread has ended itself: a socket that it has not taken is closed here; Node has closed the others. */
  lose(): void {
    if (this.#state.isAdopted === 0) closeSync(this.#fd);
    this.#settleGone();
  }
}
