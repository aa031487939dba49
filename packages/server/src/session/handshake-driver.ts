/**
 * Drives the handshake of one client over its channel: bytes in, answers out, and the questions that the handshake has in
 * between to its owner. Nothing is read while a question is open, or an answer waits to be read.
 */
import {
  type ExportOffer,
  type Refusal,
  type ServedFacts,
  ServerHandshake,
  type ServerHandshakeEvent,
  type ServerTlsMode,
  serverHandshakeLimits,
} from '@nbdjs/handshake';
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
import type { ExportEntry } from '@nbdjs/protocol';
import type { MemoryAccount } from '../admission/memory-budget.ts';
import type { ServerContext } from '../server-context.ts';
import { EarlyBytes } from './early-bytes.ts';
import { HandshakeTimer } from './handshake-timer.ts';

/** What the handshake asks for. Promises never reject, but that of `upgrade`. */
export interface HandshakeOwner {
  offer(exportName: string, purpose: 'open' | 'info' | 'contexts'): Promise<ExportOffer | Refusal>;
  list(): Promise<readonly ExportEntry[] | Refusal>;
  /** Sets up TLS over the channel; `undefined` when the client is gone meanwhile. */
  upgrade(): Promise<ByteChannel | undefined>;
  /** The handshake is over. The owner calls `finish` when the next phase can begin. */
  established(facts: ServedFacts): void;
  failed(error: Error): void;
  /** The client has stood still for `handshakeMs`. */
  stoodStill(message: string): void;
}

export class HandshakeDriver implements ByteSink {
  /** Replaced by a secured one when TLS is established. */
  #channel: ByteChannel;
  readonly #owner: HandshakeOwner;
  readonly #handshake: ServerHandshake;
  readonly #timer: HandshakeTimer;
  readonly #account: MemoryAccount;
  readonly #early = new EarlyBytes();
  #isUpgrading = false;
  /** While the client waits for a place: its channel is read only to notice that it leaves. */
  #isWaiting = false;
  #isOver = false;
  /** Bytes that the client has not read; nothing more is answered meanwhile. */
  #unreadBytes = 0;

  constructor(
    channel: ByteChannel,
    tls: ServerTlsMode,
    { settings, clock, trace, budget }: ServerContext,
    owner: HandshakeOwner,
  ) {
    this.#channel = channel;
    this.#owner = owner;
    const { style, mode, handshakeMs } = settings;
    const limits = serverHandshakeLimits.pick(settings);
    this.#handshake = new ServerHandshake({ style, mode, trace, tls, limits });
    this.#account = budget.openAccount(() => {});
    this.#timer = new HandshakeTimer(
      clock,
      handshakeMs,
      () => (this.#isUpgrading ? 'tls' : this.#handshake.turn === 'driver' ? 'server' : 'client'),
      () => {
        const { activity } = this.#handshake;
        owner.stoodStill(`the client made no progress for ${handshakeMs} ms in the handshake: ${activity}`);
      },
    );
  }

  /** Begins: a server speaks first. */
  start(): void {
    this.#pump();
    this.#channel.open(this);
  }

  /** Refuses what the client asks for from now on. */
  shutDown(): void {
    this.#handshake.shutDown();
  }

  standstillMs(now: number): number {
    return this.#timer.standstillMs(now);
  }

  writable(): Uint8Array {
    return this.#isWaiting ? this.#early.memory : this.#handshake.writable();
  }

  advance(byteCount: number): void {
    if (this.#isWaiting) this.#early.landed(byteCount);
    else this.#handshake.advance(byteCount);
    this.#pump();
  }

  drained(): void {
    this.#account.giveBack(this.#unreadBytes);
    this.#unreadBytes = 0;
    this.#pump();
  }

  ended(cause?: Error): void {
    this.#handshake.ended(cause);
    this.#pump();
  }

  /** The channel is closed. */
  close(): void {
    this.#isOver = true;
    this.#timer.stop();
    this.#account.close();
  }

  /** Reads from a client that waits for a place, to notice when it leaves. */
  async listenDuring<T>(waiting: Promise<T>): Promise<T> {
    this.#isWaiting = true;
    this.#channel.pause(false);
    const answer = await waiting;
    this.#isWaiting = false;
    return answer;
  }

  /** Hands the channel over to the next phase, with what the client has sent before its turn. */
  finish(next: ByteSink): void {
    this.#isOver = true;
    // The next phase has an account of its own.
    this.#account.close();
    this.#channel.open(next);
    this.#channel.pause(false);
    this.#early.pourInto(next);
  }

  /** Sends the handshake's output, and does what it asks for. */
  #pump(): void {
    const output = this.#handshake.takeOutput();
    if (output.length > 0 && !this.#channel.send(output)) {
      const byteCount = output.reduce((sum, { length }) => sum + length, 0);
      this.#unreadBytes += byteCount;
      this.#account.takeAnyway(byteCount);
    }
    for (let event = this.#handshake.nextEvent(); event !== undefined; event = this.#handshake.nextEvent()) {
      this.#handle(event);
    }
    this.#timer.noteProgress(this.#handshake.stepsDone);
    const isOpen = this.#handshake.turn === 'driver' && !this.#isWaiting;
    if (!this.#isOver) this.#channel.pause(isOpen || this.#unreadBytes > 0 || this.#early.length > 0);
  }

  #handle(event: ServerHandshakeEvent): void {
    switch (event.type) {
      case 'export-wanted':
        void this.#owner
          .offer(event.exportName, event.purpose)
          .then((offer) => this.#answer(() => this.#handshake.offer(offer)));
        return;
      case 'list-wanted':
        void this.#owner.list().then((list) => this.#answer(() => this.#handshake.list(list)));
        return;
      case 'tls-upgrade':
        void this.#upgrade();
        return;
      case 'established':
        this.#timer.stop();
        this.#owner.established(event.facts);
        return;
      case 'ended':
        this.#channel.end();
        return;
      case 'failed':
        this.#owner.failed(event.error);
        this.#channel.destroy(event.error);
    }
  }

  /** Gives the handshake an answer that was worked out meanwhile. */
  #answer(give: () => void): void {
    if (this.#isOver) return;
    try {
      give();
      this.#pump();
      // Goes on with what the client has sent before its turn.
      while (this.#early.length > 0 && this.#handshake.turn === 'client') {
        this.advance(this.#early.moveTo(this.#handshake.writable()));
      }
    } catch (error) {
      // A provider's answer that cannot be sent ends its client's session, not the process.
      this.#channel.destroy(error as Error);
    }
  }

  /** S25: everything that arrives from now on belongs to TLS, and when that fails, the session ends. */
  async #upgrade(): Promise<void> {
    this.#isUpgrading = true;
    try {
      const secured = await this.#owner.upgrade();
      if (secured === undefined) return;
      this.#channel = secured;
      this.#isUpgrading = false;
      this.#handshake.tlsEstablished();
      secured.open(this);
    } catch (error) {
      this.#handshake.ended(toError(error));
    }
    this.#pump();
  }
}
