/** A negotiated connection that no caller owns yet. */
import { disconnectRequest } from '@nbdjs/handshake';
import { type ByteChannel, type ByteSink, type Established, type ExportFacts, ProtocolError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import type { Candidate } from '../attempts/connect-loop.ts';
import { farewell } from './farewell.ts';

/** More bytes than this that were not asked for end the connection. */
const excessBytesMax = 64 * 1024;

/**
 * Keeps a connection between its handshake and its owner, and notices when the server closes it. A server sends nothing before a request;
 * bytes that it sends nevertheless become part of the excess.
 *
 * An idle connection does not keep the process alive.
 */
export class IdleConnection implements Candidate<Established>, ByteSink {
  readonly channel: ByteChannel;
  readonly facts: ExportFacts;
  readonly #received = new Uint8Array(4096);
  #excess: Uint8Array;
  #isTaken = false;
  #hasEnded = false;

  /** Takes over `channel`: its bytes go to this object from now on. */
  constructor(channel: ByteChannel, facts: ExportFacts, excess: Uint8Array) {
    this.channel = channel;
    this.facts = facts;
    this.#excess = excess;
    channel.keepAlive(false);
    channel.open(this);
  }

  get usable(): boolean {
    return !this.#hasEnded && !this.#isTaken;
  }

  /** Gives the connection to its owner, which opens the channel at once: bytes that arrive earlier end the connection. */
  take(): Established {
    this.#isTaken = true;
    this.channel.keepAlive(true);
    return { channel: this.channel, facts: this.facts, excess: this.#excess };
  }

  /** Ends the connection (`NBD_CMD_DISC`): the server is in transmission already. */
  discard(): void {
    if (this.usable) farewell(this.channel, [disconnectRequest(this.facts.mode)], systemClock);
    else this.channel.destroy();
  }

  writable(): Uint8Array {
    return this.#received;
  }

  advance(byteCount: number): void {
    const bytes = this.#received.subarray(0, byteCount);
    if (this.#isTaken || this.#excess.length + byteCount > excessBytesMax) {
      const message = `server sent ${byteCount} bytes before it was asked for any`;
      this.channel.destroy(new ProtocolError('unsolicited-bytes', message, { phase: 'transmission', excerpt: bytes }));
      return;
    }
    const excess = new Uint8Array(this.#excess.length + byteCount);
    excess.set(this.#excess);
    excess.set(bytes, this.#excess.length);
    this.#excess = excess;
  }

  drained(): void {}

  ended(): void {
    this.#hasEnded = true;
  }
}
