/** Joins the handshake's machine to a channel. */

import { ClientHandshake, type ClientHandshakeOptions, type HandshakeEvent } from '@nbdjs/handshake';
import { type ByteChannel, type ByteSink, type Clock, ConnectError, type TimeoutError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { farewell } from './farewell.ts';

/** Wraps a channel in TLS: settles when the TLS handshake is done, and owns the channel from the call on. */
export type UpgradeTls = (channel: ByteChannel) => Promise<ByteChannel>;

/** Events that the driver's owner has to deal with: all but the upgrade to TLS. */
export type DriverEvent = Exclude<HandshakeEvent, { type: 'tls-upgrade' }>;

export interface DriverOptions {
  readonly upgradeTls?: UpgradeTls | undefined;
  /** @default Node's monotonic clock */
  readonly clock?: Clock | undefined;
  /** Called for each event, never from within the constructor or `start`. */
  readonly onEvent: (event: DriverEvent) => void;
}

/**
 * Feeds the machine with what arrives and sends what it has to say. The channel is the driver's until `established`,
 * when its owner opens it for another sink; when the handshake comes to nothing, the driver closes it.
 */
export class HandshakeDriver implements ByteSink {
  readonly #machine: ClientHandshake;
  readonly #options: DriverOptions;
  #channel: ByteChannel;
  #isOver = false;

  /** @throws UsageError when an option is wrong. */
  constructor(channel: ByteChannel, handshake: ClientHandshakeOptions, options: DriverOptions) {
    this.#machine = new ClientHandshake(handshake);
    this.#channel = channel;
    this.#options = options;
  }

  /** The channel as it is now: another one once TLS is on. */
  get channel(): ByteChannel {
    return this.#channel;
  }

  start(): void {
    this.#channel.open(this);
  }

  /** Gives the machine an order (option mode). @throws UsageError for an order out of turn. */
  order(give: (machine: ClientHandshake) => void): void {
    give(this.#machine);
    this.#pump();
  }

  /** The error for a server that is not waited for any longer. */
  silence(timeoutMs: number): TimeoutError {
    return this.#machine.silence(timeoutMs);
  }

  /** Gives up: the server is owed no word, because an option may be outstanding. */
  abandon(cause?: Error): void {
    this.#isOver = true;
    this.#channel.destroy(cause);
  }

  writable(): Uint8Array {
    return this.#machine.writable();
  }

  advance(byteCount: number): void {
    this.#machine.advance(byteCount);
    this.#pump();
  }

  drained(): void {}

  ended(cause?: Error): void {
    this.#machine.ended(cause);
    this.#pump();
  }

  #pump(): void {
    while (!this.#isOver) {
      const output = this.#machine.takeOutput();
      const event = this.#machine.nextEvent();
      const isLast = event?.type === 'failed' || event?.type === 'ended';
      if (isLast) this.#leave(output);
      else if (output.length > 0) this.#channel.send(output);
      if (event === undefined) return;
      if (event.type === 'tls-upgrade') void this.#upgrade();
      else this.#tell(event);
    }
  }

  #leave(lastWords: readonly Uint8Array[]): void {
    this.#isOver = true;
    farewell(this.#channel, lastWords, this.#options.clock ?? systemClock);
  }

  #tell(event: DriverEvent): void {
    if (event.type === 'established') this.#isOver = true;
    this.#options.onEvent(event);
  }

  async #upgrade(): Promise<void> {
    // Whatever follows belongs to TLS.
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
      this.#machine.tlsEstablished();
      upgraded.open(this);
    } catch (error) {
      this.#machine.ended(error instanceof Error ? error : new Error(String(error)));
    }
    this.#pump();
  }
}
