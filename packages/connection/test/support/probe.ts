/** A sink that collects what arrives and can be waited for. */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';

export class Probe implements ByteSink {
  readonly #landing = new Uint8Array(65536);
  #received: Uint8Array = new Uint8Array(0);
  #wake: () => void = () => {};
  drainedCount = 0;
  /** How the stream ended; nothing while it has not. */
  end: { readonly cause?: Error | undefined } | undefined;

  /** Opens the channel. */
  constructor(channel: ByteChannel) {
    channel.open(this);
  }

  writable(): Uint8Array {
    return this.#landing;
  }

  advance(byteCount: number): void {
    this.#received = Buffer.concat([this.#received, this.#landing.subarray(0, byteCount)]);
    this.#wake();
  }

  drained(): void {
    this.drainedCount++;
    this.#wake();
  }

  ended(cause?: Error): void {
    this.end = { cause };
    this.#wake();
  }

  /** The next bytes, when that many have come. */
  async take(byteCount: number): Promise<Uint8Array> {
    await this.until(() => this.#received.length >= byteCount);
    const bytes = new Uint8Array(this.#received.subarray(0, byteCount));
    this.#received = this.#received.subarray(byteCount);
    return bytes;
  }

  /** Waits, at most 10 seconds, for a condition that an event on this thread may make true. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error('the condition that the test waits for did not become true');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
