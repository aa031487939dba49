/** How much the kernel takes of what is sent to a local peer that has not read yet. */
import type { Socket } from 'node:net';
import { setSendBuffer } from '@nbdjs/syscalls';
import { descriptorOf } from './handle.ts';

/**
 * How many bytes the kernel may take from us before a local peer has read them. Its own default is less than one long request, so
 * that both sides would wait for each other in turns. TCP finds its own size.
 */
const sendBufferBytes = 1024 * 1024;

/** The send buffer grows with this many sends that the kernel has not taken at once. */
const slowSendsMin = 2;

/** Lets the send buffer of a local socket grow when it proves too small. */
export class GrowingSendBuffer {
  readonly #socket: Socket;
  #slowSends = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The kernel has not taken everything at once, although all earlier bytes have been sent. */
  noteSlowSend(): void {
    // A peer that is slow once more has read what the kernel did not take before; memory for peers that never read would be wasted.
    if (++this.#slowSends !== slowSendsMin) return;
    const fd = this.#socket.remoteAddress === undefined ? descriptorOf(this.#socket) : undefined;
    if (fd !== undefined) setSendBuffer(fd, sendBufferBytes);
  }
}
