/** A connected socket as a `ByteChannel`. */
import { writeSync, writevSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PeerDescription } from '@nbdjs/interfaces';
import { setSendBuffer } from '@nbdjs/syscalls';
import type { DuplexChannel } from './duplex-channel.ts';
import { descriptorOf, queuedBytesOf } from './handle.ts';
import { LandingChannel, type OnRead } from './landing-channel.ts';
import { StreamChannel } from './stream-channel.ts';

/**
 * What the kernel may take of us before a local peer has read it. Its own default is less than one long request, so that both
 * sides would wait for each other in turns. TCP finds out by itself what it needs.
 */
const sendBufferBytes = 1024 * 1024;
/** From so many sends on that it has not taken at once. */
const slowSendsMin = 2;

/** A socket that reads nothing before `open`. Connecting it, unless it is given as a descriptor, is the maker's part. */
export class SocketChannel extends LandingChannel<Socket> {
  #slowSends = 0;

  constructor(options: { readonly fd?: number; readonly handle?: unknown }, peer: PeerDescription) {
    const make = (onread: OnRead): Socket => {
      const socketOptions = { ...options, readable: true, writable: true, allowHalfOpen: true, onread };
      return new Socket(socketOptions as ConstructorParameters<typeof Socket>[0]);
    };
    super(make, peer);
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
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      // The kernel takes nothing at the moment, or it is something else that the stream will find out.
      if (code !== 'EPIPE' && code !== 'ECONNRESET') return 0;
      // The peer is gone, in the words of streams; to ask the stream, too, would cost such a description all the same.
      this.stream.destroy(Object.assign(new Error(`write ${code}`), { code, errno, syscall: 'write' }));
      return chunks.reduce((sum, { length }) => sum + length, 0);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  protected override sendIsSlow(): void {
    // Whoever is slow once more has read what the kernel did not take before; memory for those who never read would be wasted.
    if (++this.#slowSends !== slowSendsMin) return;
    const fd = this.stream.remoteAddress === undefined ? descriptorOf(this.stream) : undefined;
    if (fd !== undefined) setSendBuffer(fd, sendBufferBytes);
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
