/** Sinks that the rules for channels open. */
import type { ByteSink } from '@nbdjs/interfaces';
import { ConformanceError, check } from '../verify.ts';

/** Collects what arrives, in memory of odd sizes, and checks the rules on the way. */
export class Collector implements ByteSink {
  readonly received: number[] = [];
  drainedCount = 0;
  endedCount = 0;
  cause: Error | undefined;
  #offered = 0;
  #memory: Uint8Array;
  protected wake = (): void => {};
  readonly #sizes: () => number;

  constructor(sizes: () => number = () => 4096) {
    this.#sizes = sizes;
    this.#memory = new Uint8Array(sizes());
  }

  writable(): Uint8Array {
    this.#memory = new Uint8Array(this.#sizes());
    this.#offered = this.#memory.length;
    return this.#memory;
  }

  advance(byteCount: number): void {
    check(byteCount > 0, 'advance was called for no bytes');
    check(byteCount <= this.#offered, `advance was called for ${byteCount} bytes, ${this.#offered} were offered`);
    for (let index = 0; index < byteCount; index++) this.received.push(this.#memory[index] as number);
    this.wake();
  }

  drained(): void {
    this.drainedCount++;
    this.wake();
  }

  ended(cause?: Error): void {
    this.endedCount++;
    this.cause = cause;
    this.wake();
  }

  /** Settles when the condition holds; it is looked at whenever something has happened. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      check(performance.now() <= deadline, `timed out waiting for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** For megabytes: compares them with a pattern as they come, in memory that has guards before and behind it. */
export class PatternSink extends Collector {
  receivedBytes = 0;
  #room = new Uint8Array(0);
  readonly #nextSize: () => number;
  readonly #guardBytes = 32;

  constructor(nextSize: () => number) {
    super();
    this.#nextSize = nextSize;
  }

  override writable(): Uint8Array {
    this.#room = new Uint8Array(this.#nextSize() + 2 * this.#guardBytes).fill(0xee);
    return this.#room.subarray(this.#guardBytes, -this.#guardBytes);
  }

  override advance(byteCount: number): void {
    const { receivedBytes } = this;
    const came = this.#room.subarray(this.#guardBytes, this.#guardBytes + byteCount);
    if (came.some((byte, index) => byte !== patternByte(receivedBytes + index))) {
      throw new ConformanceError(`wrong bytes after position ${receivedBytes}`);
    }
    const guards = [this.#room.subarray(0, this.#guardBytes), this.#room.subarray(-this.#guardBytes)];
    if (guards.some((guard) => guard.some((byte) => byte !== 0xee)))
      throw new ConformanceError('the channel wrote outside of the memory that was offered');
    this.receivedBytes += byteCount;
    this.wake();
  }
}

/** Its period is a prime, so that no piece of it fits in the wrong place. */
const patternByte = (position: number): number => (position % 251) ^ ((position >> 16) & 0xff);

export const patternFrom = (position: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => patternByte(position + index));

/** A sink that does nothing but what a test says. */
export const sinkWith = (behaviour: Partial<ByteSink>): ByteSink => ({
  writable: () => new Uint8Array(4096),
  advance() {},
  drained() {},
  ended() {},
  ...behaviour,
});
