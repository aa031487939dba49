/** Any channel as a stream of Node's, for TLS on top of channels that are no plain sockets. */
import { Duplex } from 'node:stream';
import type { ByteChannel } from '@nbdjs/interfaces';

type Done = (error?: Error | null) => void;

/** The most that one delivery may bring, in bytes. */
const deliveryBytesMax = 64 * 1024;

export class ChannelDuplex extends Duplex {
  readonly #channel: ByteChannel;
  /** Called when the channel has finished with the chunks that it was lent. */
  #written: Done | undefined;

  /** The channel belongs to the stream. */
  constructor(channel: ByteChannel) {
    super({ allowHalfOpen: true, writableHighWaterMark: deliveryBytesMax });
    this.#channel = channel;
    const memory = new Uint8Array(deliveryBytesMax);
    channel.open({
      writable: () => memory,
      // The memory serves the next delivery as well, hence the copy.
      advance: (byteCount) => {
        if (!this.push(Buffer.from(memory.subarray(0, byteCount)))) channel.pause(true);
      },
      drained: () => this.#drained(),
      ended: (cause) => {
        if (cause === undefined) this.push(null);
        else this.destroy(cause);
      },
    });
  }

  override _read(): void {
    this.#channel.pause(false);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#send([chunk], done);
  }

  override _writev(writes: { readonly chunk: Uint8Array }[], done: Done): void {
    const chunks = writes.map(({ chunk }) => chunk);
    this.#send(chunks, done);
  }

  override _final(done: Done): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#channel.destroy(error ?? undefined);
    void this.#channel.closed.then(() => done(error));
  }

  /** Makes the channel keep the process alive, as with sockets. */
  ref(): this {
    this.#channel.keepAlive(true);
    return this;
  }

  unref(): this {
    this.#channel.keepAlive(false);
    return this;
  }

  #send(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#channel.send(chunks)) done();
    else this.#written = done;
  }

  #drained(): void {
    const written = this.#written;
    this.#written = undefined;
    written?.();
  }
}
