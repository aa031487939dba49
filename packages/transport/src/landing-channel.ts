/** Channels whose stream writes straight into the sink's memory, by Node's `onread`. */
import type { Socket } from 'node:net';
import type { PeerDescription } from '@nbdjs/interfaces';
import { DuplexChannel } from './duplex-channel.ts';
import { namedBy, toError } from './sink-rules.ts';

/** Node's `onread` with what its types leave out: the buffer may be a function, asked before each read. */
export interface OnRead {
  readonly buffer: () => Uint8Array;
  readonly callback: (byteCount: number) => boolean;
}

/**
 * Node asks where to read before anybody has opened the channel, and keeps what it was told: so many bytes of the first
 * delivery land in the channel's own memory and are copied.
 */
const holdingBytesDefault = 64;

export abstract class LandingChannel<Stream extends Socket> extends DuplexChannel<Stream> {
  /** The channel's own, for what nobody has named memory for. */
  readonly #holding: Uint8Array;
  /** The memory that Node was told to read into. */
  #target: Uint8Array;

  /** `make` makes the stream that reads as it is told to, or makes one that there is read so. */
  constructor(make: (onread: OnRead) => Stream, peer: PeerDescription, holdingBytes = holdingBytesDefault) {
    // The very first question comes from within the socket's constructor, before there is a channel.
    const holding = new Uint8Array(holdingBytes);
    const hooks = { nextTarget: (): Uint8Array => holding, received: (_byteCount: number) => false };
    super(make({ buffer: () => hooks.nextTarget(), callback: (byteCount) => hooks.received(byteCount) }), peer);
    this.#holding = holding;
    this.#target = holding;
    hooks.nextTarget = () => this.#nextTarget();
    hooks.received = (byteCount) => this.#received(byteCount);
  }

  #nextTarget(): Uint8Array {
    // Bytes that wait here go first into what the sink would name now, and must not be written over afterwards.
    this.#target = this.#holding;
    if (this.sink === undefined || this.isDestroyed || this.hasLeftover) return this.#target;
    try {
      this.#target = namedBy(this.sink);
    } catch (error) {
      // Thrown from here, it would be nobody's error and end the process.
      this.destroy(toError(error));
    }
    return this.#target;
  }

  #received(byteCount: number): boolean {
    // The hot path avoids the closure of `deliver`.
    const { sink } = this;
    if (this.isDestroyed) return false;
    if (sink === undefined || this.isHoldingBack) {
      this.pour(this.#target.subarray(0, byteCount));
      return false;
    }
    try {
      // Node has asked right after the previous delivery. Since then the sink, or what it waits for, may have changed.
      const wanted = namedBy(sink);
      if (beginsWhere(wanted, this.#target) && wanted.length >= byteCount) sink.advance(byteCount);
      else this.#redirect(byteCount, wanted.length);
    } catch (error) {
      this.destroy(toError(error));
    }
    return !this.isPaused && !this.isDestroyed;
  }

  #redirect(byteCount: number, wantedBytes: number): void {
    const landed = this.#target.subarray(0, byteCount);
    // What takes several steps must not lie in memory that the sink no longer knows to be in use: it may write there.
    this.pour(byteCount > wantedBytes ? new Uint8Array(landed) : landed);
  }
}

function beginsWhere(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.buffer === other.buffer && one.byteOffset === other.byteOffset);
}
