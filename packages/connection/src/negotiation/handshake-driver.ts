/** Joins the handshake, which does no I/O, to a channel. */
import { ClientHandshake, type ClientHandshakeOptions, type HandshakeEvent } from '@nbdjs/handshake';
import { type ByteChannel, type ByteSink, type Clock, ConnectError, type TimeoutError } from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { farewell } from './farewell.ts';

/** Wraps a channel in TLS: resolves when the TLS handshake is done, and owns the channel from the call on. */
export type UpgradeTls = (channel: ByteChannel) => Promise<ByteChannel>;

/** Events for the driver's owner: all but the upgrade to TLS. */
export type DriverEvent = Exclude<HandshakeEvent, { type: 'tls-upgrade' }>;

export interface DriverOptions {
  readonly upgradeTls?: UpgradeTls | undefined;
  /** @default Node's monotonic clock */
  readonly clock?: Clock | undefined;
  /** Called for each event, never from within the constructor or `start`. */
  readonly onEvent: (event: DriverEvent) => void;
}

/**
 * Gives the handshake what arrives, and sends its output. The driver owns the channel until `established`, when the owner of the driver
 * opens it for another sink. When the handshake fails, the driver closes the channel.
 */
export class HandshakeDriver implements ByteSink {
  readonly #handshake: ClientHandshake;
  readonly #options: DriverOptions;
  #channel: ByteChannel;
  #isOver = false;

  /** @throws UsageError when an option is wrong. */
  constructor(channel: ByteChannel, handshake: ClientHandshakeOptions, options: DriverOptions) {
    this.#handshake = new ClientHandshake(handshake);
    this.#channel = channel;
    this.#options = options;
  }

  /** The current channel: another one after the upgrade to TLS. */
  get channel(): ByteChannel {
    return this.#channel;
  }

  start(): void {
    this.#channel.open(this);
  }

  /** Gives the handshake an order (option mode). @throws UsageError for an order out of turn. */
  order(give: (handshake: ClientHandshake) => void): void {
    give(this.#handshake);
    this.#pump();
  }

  /** Returns the error for a server that has not answered in time. */
  silence(timeoutMs: number): TimeoutError {
    return this.#handshake.silence(timeoutMs);
  }

  /** Closes the channel without a message to the server, because an option may be outstanding. */
  abandon(cause?: Error): void {
    this.#isOver = true;
    this.#channel.destroy(cause);
  }

  writable(): Uint8Array {
    return this.#handshake.writable();
  }

  advance(byteCount: number): void {
    this.#handshake.advance(byteCount);
    this.#pump();
  }

  drained(): void {}

  ended(cause?: Error): void {
    this.#handshake.ended(cause);
    this.#pump();
  }

  #pump(): void {
    while (!this.#isOver) {
      const output = this.#handshake.takeOutput();
      const event = this.#handshake.nextEvent();
      const isLast = event?.type === 'failed' || event?.type === 'ended';
      if (isLast) this.#close(output);
      else if (output.length > 0) this.#channel.send(output);
      if (event === undefined) return;
      if (event.type === 'tls-upgrade') void this.#upgrade();
      else this.#report(event);
    }
  }

  #close(abortMessage: readonly Uint8Array[]): void {
    this.#isOver = true;
    farewell(this.#channel, abortMessage, this.#options.clock ?? systemClock);
  }

  #report(event: DriverEvent): void {
    if (event.type === 'established') this.#isOver = true;
    this.#options.onEvent(event);
  }

  async #upgrade(): Promise<void> {
    // All bytes that follow belong to TLS.
    this.#channel.pause(true);
    try {
      const { upgradeTls } = this.#options;
      if (upgradeTls === undefined) throw new ConnectError('ERR_NBD_TLS', 'TLS is not available', { permanent: true });
      const upgraded = await upgradeTls(this.#channel);
      if (this.#isOver) {
        upgraded.destroy();
        return;
      }
      this.#channel = upgraded;
      this.#handshake.tlsEstablished();
      upgraded.open(this);
    } catch (error) {
      this.#handshake.ended(toError(error));
    }
    this.#pump();
  }
}
