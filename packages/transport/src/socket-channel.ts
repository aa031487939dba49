/** A connected socket as a `ByteChannel`. The kernel writes straight into the sink's memory. */
import { Socket } from 'node:net';
import type { PeerDescription } from '@nbdjs/interfaces';
import { DuplexChannel } from './duplex-channel.ts';

/** Node's `onread` with what its types leave out: the buffer may be a function, asked before each read. */
interface OnRead {
  readonly buffer: () => Uint8Array;
  readonly callback: (byteCount: number) => boolean;
}

/**
 * Node asks where to read before anybody has opened the channel, and keeps what it was told: so many bytes of the first
 * delivery land in the channel's own memory and are copied.
 */
const holdingBytes = 64;

/** A socket that reads nothing before `open`. Connecting it, unless it is given as a descriptor, is the maker's part. */
export class SocketChannel extends DuplexChannel<Socket> {
  /** The memory that Node was told to read into. */
  #target: Uint8Array;

  constructor(options: { readonly fd?: number }, peer: PeerDescription) {
    // The very first question comes from within the socket's constructor, before there is a channel.
    const holding = new Uint8Array(holdingBytes);
    const hooks = { nextTarget: (): Uint8Array => holding, received: (_byteCount: number) => false };
    const onread: OnRead = {
      buffer: () => hooks.nextTarget(),
      callback: (byteCount) => hooks.received(byteCount),
    };
    const socketOptions = { ...options, readable: true, writable: true, allowHalfOpen: true, onread };
    super(new Socket(socketOptions as ConstructorParameters<typeof Socket>[0]), peer);
    this.#target = holding;
    hooks.nextTarget = () => this.#nextTarget();
    hooks.received = (byteCount) => this.#received(byteCount);
    // With a descriptor, reading begins at construction, but nothing is delivered before this turn has ended.
    this.stream.pause();
  }

  #nextTarget(): Uint8Array {
    if (this.sink !== undefined && !this.isDestroyed) this.#target = this.sink.writable();
    return this.#target;
  }

  #received(byteCount: number): boolean {
    // The hot path avoids the closure of `deliver`.
    const { sink } = this;
    if (sink === undefined || this.isDestroyed) return false;
    try {
      // Node has asked right after the previous delivery. Since then the sink, or what it waits for, may have changed.
      if (isSameMemory(sink.writable(), this.#target)) sink.advance(byteCount);
      else this.pour(this.#target.subarray(0, byteCount));
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    return !this.isPaused && !this.isDestroyed;
  }
}

function isSameMemory(one: Uint8Array, other: Uint8Array): boolean {
  return (
    one === other || (one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length >= other.length)
  );
}
