/** A connected socket as a `ByteChannel`. */
import { writeSync, writevSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PeerDescription } from '@nbdjs/interfaces';
import { isNode } from '@nbdjs/node';
import { descriptorOf, queuedBytesOf } from './handle.ts';
import { ReceiveSide } from './receive-side.ts';
import type { SendMethod } from './send-side.ts';
import { GrowingSendBuffer } from './socket-buffer.ts';
import { plainSendMethod, StreamChannel } from './stream-channel.ts';

/** A socket that reads nothing before `open`. Unless it is given as a descriptor or a handle, its maker connects it. */
export class SocketChannel extends StreamChannel<Socket> {
  constructor(options: { readonly fd?: number; readonly handle?: unknown }, peer: PeerDescription) {
    const receiving = new ReceiveSide();
    const { onread } = receiving;
    const socketOptions = {
      ...options,
      readable: true,
      writable: true,
      allowHalfOpen: true,
      ...(isNode && { onread }),
    };
    const socket = new Socket(socketOptions as ConstructorParameters<typeof Socket>[0]);
    super(socket, peer, { receiving, sendMethod: isNode ? new SocketSendMethod(socket) : plainSendMethod(socket) });
    if (!isNode) socket.on('data', (bytes: Uint8Array) => receiving.receive(bytes));
    // With a descriptor, reading begins at construction, but nothing is delivered before this turn has ended.
    socket.pause();
  }
}

class SocketSendMethod implements SendMethod {
  readonly #socket: Socket;
  readonly #sendBuffer: GrowingSendBuffer;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#sendBuffer = new GrowingSendBuffer(socket);
  }

  /** Writes to the descriptor: Node's stream takes several times as long for a few bytes as the kernel does. */
  sendAtOnce(chunks: readonly Uint8Array[]): number {
    const fd = descriptorOf(this.#socket);
    if (fd === undefined) return 0;
    const { stackTraceLimit } = Error;
    try {
      // A peer that has disconnected already, in a flood of clients, must not cost a stack trace.
      Error.stackTraceLimit = 0;
      const [chunk] = chunks;
      return chunks.length === 1 && chunk !== undefined ? writeSync(fd, chunk) : writevSync(fd, chunks);
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      // The kernel takes nothing at the moment, or the stream will find out what else it is.
      if (code !== 'EPIPE' && code !== 'ECONNRESET') return 0;
      // The peer has disconnected. This is the stream's own error for it; if the stream found out itself, it would make a stack trace.
      this.#socket.destroy(Object.assign(new Error(`write ${code}`), { code, errno, syscall: 'write' }));
      return chunks.reduce((sum, { length }) => sum + length, 0);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  hasCopied(): boolean {
    return false;
  }

  noteSlowSend(): void {
    this.#sendBuffer.noteSlowSend();
  }

  /** The stream counts a write until all of it is sent; the handle has the exact number. */
  queuedBytes(): number | undefined {
    return queuedBytesOf(this.#socket);
  }
}

/**
 * Takes a socket that Node has accepted and that no code has read from. Node makes such sockets without asking where to read to, so its
 * handle moves to a socket of ours. Returns `undefined` when the socket is closed already.
 */
export function adoptSocket(socket: Socket, peer: PeerDescription): StreamChannel | undefined {
  const inner = socket as unknown as { _handle: object | null };
  const handle = inner._handle;
  if (handle === null) return undefined;
  if (handle === undefined || !isNode) return new StreamChannel(socket, peer);
  inner._handle = null;
  return new SocketChannel({ handle }, peer);
}
