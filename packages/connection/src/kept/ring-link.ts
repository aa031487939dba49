/** Two rings and a message port: what joins the keeper of a socket to its owner on another thread. */

import type { MessagePort } from 'node:worker_threads';
import type { CloseReason } from '@nbdjs/interfaces';
import type { ErrorRecord } from '@nbdjs/kit';
import { RingReader, RingWriter, ringCapacity, ringControlBytes } from './byte-ring.ts';

/** Which end of the link: the keeper has the socket, the owner uses it. */
export type LinkSide = 'keeper' | 'owner';

/** How much may be under way each way, in bytes; rounded up to powers of two. */
export interface RingSizes {
  /** From the server. @default 1 MiB */
  readonly receiveBytes?: number | undefined;
  /** To the server. @default 1 MiB */
  readonly sendBytes?: number | undefined;
}

/** The shared memory of a link. */
export interface LinkMemory {
  readonly buffer: SharedArrayBuffer;
  readonly receiveBytes: number;
  readonly sendBytes: number;
}

/** What the keeper has to say besides bytes. */
export type WorkerMessage =
  | { readonly type: 'ended'; readonly cause?: ErrorRecord | undefined }
  /** The last word. */
  | { readonly type: 'closed'; readonly by: CloseReason['by']; readonly cause?: ErrorRecord | undefined };

/** What the owner has to say besides bytes. */
export type CallerMessage = { readonly type: 'end' } | { readonly type: 'destroy' };

export interface LinkListener<Message> {
  /** The other side has written or read: there may be bytes, there may be room. */
  woken(): void;
  told(message: Message): void;
  /** The other side is gone. */
  lost(): void;
}

const ringSizeDefault = 1 << 20;

/** A word each that says: a wake-up call is on its way to this side already. */
const wakeBytes = 2 * 128;

/** Everything in front of the rings' bytes. */
const controlBytes = wakeBytes + 2 * ringControlBytes;

/** What sizes come to: the defaults filled in, rounded up to powers of two. */
export function linkSizes({ receiveBytes, sendBytes }: RingSizes): Omit<LinkMemory, 'buffer'> {
  return {
    receiveBytes: ringCapacity(receiveBytes ?? ringSizeDefault),
    sendBytes: ringCapacity(sendBytes ?? ringSizeDefault),
  };
}

export function allocateLink(sizes: RingSizes = {}): LinkMemory {
  const { receiveBytes, sendBytes } = linkSizes(sizes);
  const buffer = new SharedArrayBuffer(controlBytes + receiveBytes + sendBytes);
  return { buffer, receiveBytes, sendBytes };
}

/** Makes used memory as good as new. Nobody else may use it any more. */
export function resetLink({ buffer }: LinkMemory): void {
  new Uint8Array(buffer, 0, controlBytes).fill(0);
}

/**
 * One end of a link. Wake-up calls are coalesced: at most one is under way each way, and none is needed while the other
 * side is at work, because it looks once more before it rests.
 */
export class RingLink<Incoming extends WorkerMessage | CallerMessage, Outgoing extends WorkerMessage | CallerMessage> {
  readonly incoming: RingReader;
  readonly outgoing: RingWriter;
  readonly #port: MessagePort;
  readonly #wakes: Int32Array;
  readonly #ownWake: number;
  readonly #otherWake: number;
  #isClosed = false;

  constructor(memory: LinkMemory, side: LinkSide, port: MessagePort, listener: LinkListener<Incoming>) {
    const { buffer, receiveBytes, sendBytes } = memory;
    const receive = { buffer, controlOffset: wakeBytes, dataOffset: controlBytes, capacityBytes: receiveBytes };
    const send = {
      buffer,
      controlOffset: wakeBytes + ringControlBytes,
      dataOffset: controlBytes + receiveBytes,
      capacityBytes: sendBytes,
    };
    this.incoming = new RingReader(side === 'owner' ? receive : send);
    this.outgoing = new RingWriter(side === 'owner' ? send : receive);
    this.#wakes = new Int32Array(buffer, 0, wakeBytes / Int32Array.BYTES_PER_ELEMENT);
    this.#ownWake = side === 'owner' ? 0 : this.#wakes.length / 2;
    this.#otherWake = side === 'owner' ? this.#wakes.length / 2 : 0;
    this.#port = port;
    port.on('message', (message: Incoming | typeof wakeUp) => {
      if (message === wakeUp) listener.woken();
      else listener.told(message);
    });
    port.on('close', () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      listener.lost();
    });
  }

  /** Tells the other side to look at the rings, unless it is at it or has been told already. */
  wake(): void {
    if (!this.#isClosed && Atomics.exchange(this.#wakes, this.#otherWake, 1) === 0) this.#port.postMessage(wakeUp);
  }

  /** From now on the other side's wake-ups are calls again; look at the rings once more after this. */
  rest(): void {
    Atomics.store(this.#wakes, this.#ownWake, 0);
  }

  /** Wake-up calls are not needed until the next rest: we look at the rings without them. */
  attend(): void {
    Atomics.store(this.#wakes, this.#ownWake, 1);
  }

  tell(message: Outgoing): void {
    if (!this.#isClosed) this.#port.postMessage(message);
  }

  /** Whether the link keeps this thread's loop alive. */
  keepAlive(on: boolean): void {
    if (this.#isClosed) return;
    if (on) this.#port.ref();
    else this.#port.unref();
  }

  close(): void {
    this.#isClosed = true;
    this.#port.close();
  }
}

const wakeUp = 0;
