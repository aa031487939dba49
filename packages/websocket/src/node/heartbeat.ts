/** Finds out that a silent peer is gone: asks it by Ping (RFC 6455, section 5.5.2), and waits for any sign of life. */
import { type Cancel, type Clock, TimeoutError } from '@nbdjs/interfaces';

/** What a heartbeat is given. */
export interface HeartbeatSettings {
  /** The present time, and timers. */
  readonly clock: Clock;
  /** Milliseconds between two Pings; 0: none are sent. */
  readonly pingMs: number;
  /** Milliseconds without a byte from the peer after which it counts as gone; 0: never. */
  readonly silenceMs: number;
}

/** The socket whose peer is asked. */
export interface HeartbeatOwner {
  /** Whether the peer can be heard: not while its bytes are left with the system. */
  readonly isListening: boolean;
  /** Whether bytes wait to be sent; a Ping would wait behind them, and whoever has sent them watches over that. */
  readonly isSending: boolean;
  /** Sends a Ping. */
  ping(): void;
  /** The peer counts as gone. */
  fail(cause: TimeoutError): void;
}

export class Heartbeat {
  readonly #owner: HeartbeatOwner;
  readonly #settings: HeartbeatSettings;
  readonly #tickMs: number;
  #isHeard = false;
  #silentMs = 0;
  #cancel: Cancel | undefined;

  constructor(owner: HeartbeatOwner, settings: HeartbeatSettings) {
    this.#owner = owner;
    this.#settings = settings;
    const { pingMs, silenceMs } = settings;
    this.#tickMs = Math.min(
      pingMs === 0 ? Number.POSITIVE_INFINITY : pingMs,
      silenceMs === 0 ? Number.POSITIVE_INFINITY : silenceMs,
    );
    this.#schedule();
  }

  /** The peer has sent something. */
  hear(): void {
    this.#isHeard = true;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    if (Number.isFinite(this.#tickMs)) this.#cancel = this.#settings.clock.schedule(this.#tickMs, () => this.#tick());
  }

  #tick(): void {
    const { isListening, isSending } = this.#owner;
    this.#silentMs = this.#isHeard || !isListening || isSending ? 0 : this.#silentMs + this.#tickMs;
    this.#isHeard = false;
    const { pingMs, silenceMs } = this.#settings;
    if (silenceMs > 0 && this.#silentMs >= silenceMs) {
      this.#owner.fail(
        new TimeoutError('silence', `the peer of the WebSocket has sent nothing for ${this.#silentMs} ms`),
      );
      return;
    }
    if (pingMs > 0 && !isSending) this.#owner.ping();
    this.#schedule();
  }
}
