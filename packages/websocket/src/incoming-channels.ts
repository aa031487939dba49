/** Servers that connect to us, such as a page that offers a file: their channels, where a client looks for its next connection. */
import { type ByteChannel, type ChannelOpener, type OpenChannelOptions, UsageError } from '@nbdjs/interfaces';
import { listenForAbort, stopListeningForAbort } from '@nbdjs/kit';

/** Channels of one server that connects to us. */
export interface IncomingChannels extends ChannelOpener {
  /**
   * Adds a channel that has been accepted. The server has one at a time: a new one means that the one before is of no use any more, even
   * if it has not been noticed yet, so that is destroyed.
   */
  add(channel: ByteChannel): void;
  /** Whether a channel is there: in use, or waiting for `open`. */
  readonly isConnected: boolean;
  /** Calls `task` whenever a channel was added. Returns a function that ends that. */
  onAdded(task: () => void): () => void;
  /** Destroys what is there, and refuses what comes. */
  close(): void;
}

/**
 * Makes the place where a client waits for a server that connects to it. `open` takes the channel that was added last, or waits for the next
 * one until its signal aborts.
 *
 * @param name How messages call the server.
 */
export function createIncomingChannels(name = 'a server that connects to us'): IncomingChannels {
  return new Incoming(name);
}

interface Waiter {
  take(channel: ByteChannel): void;
  fail(error: unknown): void;
}

class Incoming implements IncomingChannels {
  readonly name: string;
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<() => void>();
  /** The last channel, until it is closed. */
  #current: ByteChannel | undefined;
  /** Whether `open` has handed it out. */
  #isTaken = false;
  #isClosed = false;

  constructor(name: string) {
    this.name = name;
  }

  get isConnected(): boolean {
    return this.#current !== undefined;
  }

  add(channel: ByteChannel): void {
    if (this.#isClosed) {
      channel.destroy();
      return;
    }
    this.#current?.destroy(new Error('the server has connected again'));
    this.#current = channel;
    this.#isTaken = false;
    void channel.closed.then(() => {
      if (this.#current === channel) this.#current = undefined;
    });
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      this.#isTaken = true;
      waiter.take(channel);
    }
    for (const listener of this.#listeners) listener();
  }

  onAdded(task: () => void): () => void {
    this.#listeners.add(task);
    return () => this.#listeners.delete(task);
  }

  async open({ signal }: OpenChannelOptions): Promise<ByteChannel> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new UsageError('ERR_NBD_CLOSED', `${this.name} is not expected any more`);
    if (this.#current !== undefined && !this.#isTaken) {
      this.#isTaken = true;
      return this.#current;
    }
    return await new Promise<ByteChannel>((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter);
        stopListeningForAbort(signal, onAbort);
      };
      const waiter: Waiter = {
        take(channel) {
          leave();
          resolve(channel);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.fail(signal.reason);
      this.#waiters.add(waiter);
      listenForAbort(signal, onAbort);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#current?.destroy();
    const closed = (): UsageError => new UsageError('ERR_NBD_CLOSED', `${this.name} is not expected any more`);
    for (const waiter of [...this.#waiters]) waiter.fail(closed());
  }
}
