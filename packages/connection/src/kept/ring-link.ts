/** Two rings, two wake-up words and a message port: they join the two ends of a kept connection. */
import type { MessagePort } from 'node:worker_threads';
import type { CloseReason } from '@nbdjs/interfaces';
import type { ErrorRecord } from '@nbdjs/kit';
import { RingReader, RingWriter, ringCapacity, ringControlBytes } from './byte-ring.ts';

/** Which end of the link: the worker has the socket, the caller uses it. */
export type LinkSide = 'worker' | 'caller';

/** How many bytes may be in transit in each direction; rounded up to powers of two. */
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

/** The messages of the worker's end, besides bytes. */
export type WorkerMessage =
  /** No more bytes will come. */
  | { readonly type: 'ended'; readonly cause?: ErrorRecord | undefined }
  /** The socket is closed. No message follows. */
  | { readonly type: 'closed'; readonly by: CloseReason['by']; readonly cause?: ErrorRecord | undefined };

/** The messages of the caller's end, besides bytes. */
export type CallerMessage = { readonly type: 'end' } | { readonly type: 'destroy' };

export interface LinkListener<Message> {
  /** The other side has written or read: there may be bytes, and there may be room. */
  woken(): void;
  received(message: Message): void;
  /** The other side's thread has ended unexpectedly. */
  lost(): void;
}

const ringBytesDefault = 1 << 20;

/** One word for each side: a wake-up message to it has been sent and not been received. */
const wakeBytes = 2 * 128;

/** The bytes in front of the rings. */
const controlBytes = wakeBytes + 2 * ringControlBytes;

/** Returns the sizes with the defaults filled in, rounded up to powers of two. */
export function linkSizes({ receiveBytes, sendBytes }: RingSizes): Omit<LinkMemory, 'buffer'> {
  return {
    receiveBytes: ringCapacity(receiveBytes ?? ringBytesDefault),
    sendBytes: ringCapacity(sendBytes ?? ringBytesDefault),
  };
}

export function allocateLink(sizes: RingSizes = {}): LinkMemory {
  const { receiveBytes, sendBytes } = linkSizes(sizes);
  const buffer = new SharedArrayBuffer(controlBytes + receiveBytes + sendBytes);
  return { buffer, receiveBytes, sendBytes };
}

/** Makes used memory as good as new. Neither side may use it any more. */
export function resetLink({ buffer }: LinkMemory): void {
  new Uint8Array(buffer, 0, controlBytes).fill(0);
}

/**
 * One end of a link. Wake-ups are coalesced: at most one message to each side is in transit, and none is needed while the other side is at
 * work, because it looks at the rings once more before it rests.
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
    this.incoming = new RingReader(side === 'caller' ? receive : send);
    this.outgoing = new RingWriter(side === 'caller' ? send : receive);
    this.#wakes = new Int32Array(buffer, 0, wakeBytes / Int32Array.BYTES_PER_ELEMENT);
    this.#ownWake = side === 'caller' ? 0 : this.#wakes.length / 2;
    this.#otherWake = side === 'caller' ? this.#wakes.length / 2 : 0;
    this.#port = port;
    port.on('message', (message: Incoming | typeof wakeUp) => {
      if (message === wakeUp) listener.woken();
      else listener.received(message);
    });
    port.on('close', () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      listener.lost();
    });
  }

  /** Makes the other side look at the rings, unless it is at work or a wake-up to it is in transit. */
  wake(): void {
    if (!this.#isClosed && Atomics.exchange(this.#wakes, this.#otherWake, 1) === 0) this.#port.postMessage(wakeUp);
  }

  /** From now on the other side's wake-ups are messages again. Look at the rings once more after this. */
  rest(): void {
    Atomics.store(this.#wakes, this.#ownWake, 0);
  }

  /** Until the next `rest`, this side looks at the rings without being woken, so no wake-up is sent. */
  attend(): void {
    Atomics.store(this.#wakes, this.#ownWake, 1);
  }

  tell(message: Outgoing): void {
    if (!this.#isClosed) this.#port.postMessage(message);
  }

  /** Sets whether the link keeps this thread's event loop alive. */
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
