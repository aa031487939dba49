/** Bytes between threads, or between a page and its workers, as messages over a pair of ports. */
import {
  type ByteChannel,
  type ByteSink,
  type CloseReason,
  ConnectError,
  type PeerDescription,
  UsageError,
} from '@nbdjs/interfaces';
import {
  concatenate,
  defineOptions,
  describeValue,
  namedBy,
  type OptionsOf,
  option,
  StreamEnd,
  toError,
} from '@nbdjs/kit';
import { nextTurn } from '@nbdjs/node';
import { announced } from '../diagnostics.ts';

/** The part of a `MessagePort` that a channel needs: that of pages and workers, and that of `node:worker_threads`. */
export interface PortLike {
  /** Sends a message, and moves the memory and the ports in `transfer` to the receiver. */
  // biome-ignore lint/suspicious/noExplicitAny: browsers and Node name the types of what can be moved differently
  postMessage(message: unknown, transfer: any[]): void;
  /** Calls a listener for each message, when one cannot be read, and when the other end is gone. */
  // biome-ignore lint/suspicious/noExplicitAny: the same for the types of events
  addEventListener(type: 'message' | 'messageerror' | 'close', listener: (event: any) => void): void;
  /** Begins to deliver messages. */
  start(): void;
  /** Ends the use of the port. */
  close(): void;
  /** In Node: the port keeps the process alive. */
  ref?(): void;
  /** In Node: the port does not keep the process alive. */
  unref?(): void;
}

export const portChannelOptions = defineOptions({
  /** Bytes that may be on their way before `send` returns `false`. @default 1 MiB */
  capacityBytes: option.bytes({
    default: 2 ** 20,
    doc: 'Bytes that may be on their way before `send` returns `false`.',
  }),
  /** What is at the other end, where the port stands for a channel of another kind. @default a port, in memory */
  peer: option.object<PeerDescription>({
    default: Object.freeze({ name: 'port', transport: 'memory', tls: false }),
    defaultText: 'a port, in memory',
    doc: 'What is at the other end, where the port stands for a channel of another kind.',
  }),
});

/** How bytes cross a port. */
export interface PortChannelOptions extends OptionsOf<typeof portChannelOptions> {}

/** `taken`: the receiver has handed on so many bytes. `end`: no more will come. `closed`: no more will come, and none is read. */
type PortMessage =
  | { readonly bytes: Uint8Array }
  | { readonly taken: number }
  | { readonly end: true }
  | { readonly closed: true };

/**
 * Makes a channel of a `MessagePort`, whose other end has to be a channel of this kind as well. The port belongs to the channel from the
 * call on. What is sent is copied once, and moved to the receiver's thread.
 *
 * Not every browser reports that the thread at the other end is gone. Whoever ends a worker has to destroy its channels as well.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is no port, and for an option that is unknown or wrong.
 */
export function adoptPort(port: PortLike, options: PortChannelOptions = {}): ByteChannel {
  const { capacityBytes, peer } = portChannelOptions.resolve('adoptPort', options);
  if (typeof port?.postMessage !== 'function' || typeof port.start !== 'function') {
    throw new UsageError('ERR_NBD_ARGUMENT', `adoptPort: the port is ${describeValue(port)}, expected a MessagePort`);
  }
  return announced(new PortChannel(port, peer, capacityBytes));
}

class PortChannel implements ByteChannel {
  readonly peer: PeerDescription;
  readonly closed: Promise<CloseReason>;
  readonly #port: PortLike;
  readonly #capacityBytes: number;
  #resolveClosed!: (reason: CloseReason) => void;
  #sink: ByteSink | undefined;
  /** What has come and was not delivered. */
  #inbox: Uint8Array[] = [];
  /** Bytes that the other end has not taken yet. */
  #underWayBytes = 0;
  /** `ended`: this side sends no more. `destroyed`: nor does it receive. */
  #phase: 'open' | 'ended' | 'destroyed' = 'open';
  /** Has come when no more bytes will come; they end with what is in the inbox. */
  readonly #end = new StreamEnd();
  #isPaused = false;
  #isScheduled = false;
  #owesDrained = false;

  constructor(port: PortLike, peer: PeerDescription, capacityBytes: number) {
    this.peer = peer;
    this.#port = port;
    this.#capacityBytes = capacityBytes;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    port.addEventListener('message', ({ data }) => this.#receive(data as PortMessage));
    port.addEventListener('messageerror', () => this.#fail('a message could not be read'));
    port.addEventListener('close', () => this.#fail('the other end is gone'));
    port.start();
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase !== 'open' || this.#end.cause !== undefined) return true;
    // In memory of its own, which can be moved.
    const bytes = concatenate(chunks);
    // Counted before the memory is moved, which leaves nothing here.
    this.#underWayBytes += bytes.length;
    if (bytes.length > 0) this.#post({ bytes }, [bytes.buffer as ArrayBuffer]);
    if (this.#underWayBytes <= this.#capacityBytes) return true;
    this.#owesDrained = true;
    return false;
  }

  get queuedBytes(): number {
    return this.#underWayBytes;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#schedule();
  }

  end(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ended';
    this.#post({ end: true });
    this.#schedule();
  }

  destroy(cause?: Error): void {
    if (this.#phase === 'destroyed') return;
    this.#post({ closed: true });
    this.#release({ by: 'us', cause }, cause);
  }

  keepAlive(on: boolean): void {
    if (on) this.#port.ref?.();
    else this.#port.unref?.();
  }

  #post(message: PortMessage, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #receive(message: PortMessage): void {
    if (this.#phase === 'destroyed') return;
    if ('bytes' in message) {
      this.#inbox.push(message.bytes);
    } else if ('taken' in message) {
      this.#underWayBytes -= message.taken;
      this.#tellIfDrained();
    } else {
      this.#end.come();
      // Nothing will be taken any more, and a sender that waits for that would wait for ever.
      if ('closed' in message) {
        this.#underWayBytes = 0;
        this.#tellIfDrained();
      }
    }
    this.#deliver();
  }

  /** Delivers later: never from within a call of the sink's owner. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    nextTurn(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    let taken = 0;
    try {
      while (this.#sink !== undefined && this.#phase !== 'destroyed' && !this.#isPaused) {
        const chunk = this.#inbox[0];
        if (chunk === undefined) break;
        const target = namedBy(this.#sink);
        const byteCount = Math.min(chunk.length, target.length);
        target.set(byteCount === chunk.length ? chunk : chunk.subarray(0, byteCount));
        if (byteCount === chunk.length) this.#inbox.shift();
        else this.#inbox[0] = chunk.subarray(byteCount);
        taken += byteCount;
        this.#sink.advance(byteCount);
      }
    } catch (error) {
      this.destroy(toError(error));
      return;
    }
    if (this.#phase === 'destroyed') {
      this.#tellEnd();
      return;
    }
    if (taken > 0) this.#post({ taken });
    if (this.#end.hasCome && this.#inbox.length === 0 && !this.#isPaused) this.#finish();
  }

  #tellIfDrained(): void {
    if (!this.#owesDrained || this.#underWayBytes > this.#capacityBytes / 2) return;
    this.#owesDrained = false;
    try {
      this.#sink?.drained();
    } catch (error) {
      this.destroy(toError(error));
    }
  }

  /** The peer's last byte has been delivered. Without a sink, its end is kept for the one that comes. */
  #finish(): void {
    if (this.#sink === undefined && this.#phase === 'open') return;
    this.#tellEnd();
    if (this.#phase === 'ended') this.#release({ by: 'peer' }, undefined);
  }

  #fail(reason: string): void {
    if (this.#phase === 'destroyed') return;
    const cause = new ConnectError('ERR_NBD_PEER_CLOSED', `${this.peer.name}: ${reason}`);
    this.#release({ by: 'error', cause }, cause);
  }

  #release(reason: CloseReason, cause: Error | undefined): void {
    this.#phase = 'destroyed';
    this.#inbox = [];
    this.#underWayBytes = 0;
    this.#end.come(cause);
    this.#port.close();
    nextTurn(() => {
      this.#tellEnd();
      this.#resolveClosed(reason);
    });
  }

  /** Reports the end to the present sink, unless that was done. */
  #tellEnd(): void {
    try {
      this.#end.tell(this.#sink);
    } catch (error) {
      this.destroy(toError(error));
    }
  }
}
