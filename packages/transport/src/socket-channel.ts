/** A connected socket as a `ByteChannel`. The kernel writes straight into the sink's memory. */
import { writeSync, writevSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PeerDescription } from '@nbdjs/interfaces';
import { setSendBuffer } from '@nbdjs/syscalls';
import { DuplexChannel } from './duplex-channel.ts';
import { descriptorOf, queuedBytesOf } from './handle.ts';
import { namedBy, toError } from './sink-rules.ts';
import { StreamChannel } from './stream-channel.ts';

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

/**
 * What the kernel may take of us before a local peer has read it. Its own default is less than one long request, so that both
 * sides would wait for each other in turns. TCP finds out by itself what it needs.
 */
const sendBufferBytes = 1024 * 1024;

/** A socket that reads nothing before `open`. Connecting it, unless it is given as a descriptor, is the maker's part. */
export class SocketChannel extends DuplexChannel<Socket> {
  /** The memory that Node was told to read into. */
  #target: Uint8Array;
  #isWidened = false;

  constructor(options: { readonly fd?: number; readonly handle?: unknown }, peer: PeerDescription) {
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

  get receivedBytes(): number {
    return this.stream.bytesRead;
  }

  /** The stream counts a write until all of it is gone; the handle knows better. */
  override get queuedBytes(): number | undefined {
    return queuedBytesOf(this.stream);
  }

  /** Node's stream takes several times as long for a few bytes as the kernel does. */
  protected override sendAtOnce(chunks: readonly Uint8Array[]): number {
    const fd = descriptorOf(this.stream);
    if (fd === undefined) return 0;
    const { stackTraceLimit } = Error;
    try {
      // Whoever is gone already, in a flood of clients, shall not cost a description of where we noticed.
      Error.stackTraceLimit = 0;
      const [chunk] = chunks;
      return chunks.length === 1 && chunk !== undefined ? writeSync(fd, chunk) : writevSync(fd, chunks);
    } catch {
      // The kernel takes nothing at the moment, or it is the end: the stream finds out.
      return 0;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  protected override sendIsSlow(): void {
    if (this.#isWidened) return;
    this.#isWidened = true;
    const fd = this.stream.remoteAddress === undefined ? descriptorOf(this.stream) : undefined;
    if (fd !== undefined) setSendBuffer(fd, sendBufferBytes);
  }

  #nextTarget(): Uint8Array {
    if (this.sink === undefined || this.isDestroyed) return this.#target;
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
    if (sink === undefined || this.isDestroyed) return false;
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

/**
 * Takes a socket that Node has accepted and that nobody has read from. Node makes those without asking where to read to, so its
 * handle moves to a socket of ours.
 */
export function adoptSocket(socket: Socket, peer: PeerDescription): DuplexChannel | undefined {
  const inner = socket as unknown as { _handle: object | null };
  const handle = inner._handle;
  // It has been closed already.
  if (handle === null) return undefined;
  if (handle === undefined) return new StreamChannel(socket, peer);
  inner._handle = null;
  return new SocketChannel({ handle }, peer);
}

function beginsWhere(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.buffer === other.buffer && one.byteOffset === other.byteOffset);
}
