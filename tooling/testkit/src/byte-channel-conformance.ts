/** What every `ByteChannel` has to do. The other end of each channel sends back what it gets. */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';

export interface ByteChannelFactory {
  /** Makes a channel whose peer echoes every byte, and ends when we end. */
  connect(): Promise<ByteChannel>;
  /** Makes the peers vanish. Left out where that cannot be arranged. */
  kill?(): void;
}

/** Collects what arrives, in memory of odd sizes, and checks the rules on the way. */
class Collector implements ByteSink {
  readonly received: number[] = [];
  drainedCount = 0;
  endedCount = 0;
  cause: Error | undefined;
  #offered = 0;
  #memory: Uint8Array;
  #wake = (): void => {};
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
    expect(byteCount).toBeGreaterThan(0);
    expect(byteCount).toBeLessThanOrEqual(this.#offered);
    for (let index = 0; index < byteCount; index++) this.received.push(this.#memory[index] as number);
    this.#wake();
  }

  drained(): void {
    this.drainedCount++;
    this.#wake();
  }

  ended(cause?: Error): void {
    this.endedCount++;
    this.cause = cause;
    this.#wake();
  }

  /** Settles when the condition holds; looked at whenever something has happened. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

export function byteChannelConformance(name: string, factory: ByteChannelFactory): void {
  describe(`ByteChannel: ${name}`, () => {
    it('carries bytes both ways, in memory of any size', async () => {
      const random = seededRandom(1);
      const channel = await factory.connect();
      const sink = new Collector(() => 1 + Math.floor(random() * 5000));
      channel.open(sink);
      const sent: number[] = [];
      for (let round = 0; round < 20; round++) {
        const chunks = Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
          Uint8Array.from({ length: Math.floor(random() * 3000) }, () => Math.floor(random() * 256)),
        );
        for (const chunk of chunks) sent.push(...chunk);
        if (!channel.send(chunks)) {
          const count = sink.drainedCount;
          await sink.until(() => sink.drainedCount > count, 'drained');
        }
      }
      await sink.until(() => sink.received.length === sent.length, 'all bytes');
      expect(sink.received).toEqual(sent);
      channel.destroy();
      await channel.closed;
    });

    it('delivers nothing within open or send', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(10)]);
      expect(sink.received).toHaveLength(0);
      await sink.until(() => sink.received.length === 10, 'the bytes');
      channel.destroy();
    });

    it('keeps bytes that arrive before it is opened', async () => {
      const channel = await factory.connect();
      channel.send([Uint8Array.of(1, 2, 3)]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      const sink = new Collector(() => 2);
      channel.open(sink);
      await sink.until(() => sink.received.length === 3, 'the bytes');
      expect(sink.received).toEqual([1, 2, 3]);
      channel.destroy();
    });

    it('goes over to another sink between deliveries', async () => {
      const channel = await factory.connect();
      const first = new Collector(() => 100);
      const second = new Collector(() => 3);
      channel.open(first);
      channel.send([Uint8Array.of(1, 2, 3, 4)]);
      await first.until(() => first.received.length === 4, 'the first bytes');
      channel.open(second);
      channel.send([Uint8Array.of(5, 6, 7, 8, 9, 10, 11)]);
      await second.until(() => second.received.length === 7, 'the second bytes');
      expect(second.received).toEqual([5, 6, 7, 8, 9, 10, 11]);
      expect(first.received).toEqual([1, 2, 3, 4]);
      channel.destroy();
      await channel.closed;
      expect(first.endedCount).toBe(0);
      expect(second.endedCount).toBe(1);
    });

    it('pushes back when the peer does not take the bytes, and says when it does', async () => {
      const channel = await factory.connect();
      const sink = new Collector(() => 65536);
      channel.open(sink);
      channel.pause(true);
      let sentBytes = 0;
      let isFree = true;
      while (isFree && sentBytes < 64 * 2 ** 20) {
        isFree = channel.send([new Uint8Array(65536)]);
        sentBytes += 65536;
      }
      expect(isFree).toBe(false);
      expect(sink.drainedCount).toBe(0);
      channel.pause(false);
      await sink.until(() => sink.drainedCount > 0, 'drained');
      await sink.until(() => sink.received.length === sentBytes, 'all bytes');
      expect(sink.drainedCount).toBe(1);
      channel.destroy();
    });

    it('delivers nothing while paused', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(10)]);
      await sink.until(() => sink.received.length === 10, 'the bytes');
      channel.pause(true);
      channel.send([new Uint8Array(10)]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(sink.received).toHaveLength(10);
      channel.pause(false);
      await sink.until(() => sink.received.length === 20, 'the rest');
      channel.destroy();
    });

    it('ends our direction, delivers what is still under way, then ends in order', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(100_000)]);
      channel.end();
      await sink.until(() => sink.endedCount > 0, 'the end');
      expect(sink.received).toHaveLength(100_000);
      expect(sink.cause).toBeUndefined();
      expect(await channel.closed).toMatchObject({ by: 'peer' });
      expect(sink.endedCount).toBe(1);
    });

    it('tells a sink about the end that comes after it', async () => {
      const channel = await factory.connect();
      const first = new Collector();
      channel.open(first);
      channel.end();
      await first.until(() => first.endedCount > 0, 'the end');
      await channel.closed;
      const second = new Collector();
      channel.open(second);
      expect(second.endedCount).toBe(0);
      await second.until(() => second.endedCount > 0, 'the end, again');
      expect(first.endedCount).toBe(1);
    });

    it('is destroyed at once, with a cause, as often as one likes', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      const cause = new Error('enough');
      channel.send([new Uint8Array(10)]);
      channel.destroy(cause);
      channel.destroy();
      expect(await channel.closed).toEqual({ by: 'us', cause });
      expect(channel.send([new Uint8Array(10)])).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(sink.received).toHaveLength(0);
      expect(sink.endedCount).toBe(1);
    });

    it('is destroyed by a sink that throws', async () => {
      const channel = await factory.connect();
      const cause = new Error('this sink is broken');
      let calls = 0;
      channel.open({
        writable: () => new Uint8Array(4),
        advance() {
          calls++;
          throw cause;
        },
        drained() {},
        ended() {},
      });
      channel.send([new Uint8Array(100)]);
      expect(await channel.closed).toEqual({ by: 'us', cause });
      expect(calls).toBe(1);
    });

    it('may be destroyed within a delivery', async () => {
      const channel = await factory.connect();
      let calls = 0;
      channel.open({
        writable: () => new Uint8Array(1),
        advance() {
          calls++;
          channel.destroy();
        },
        drained() {},
        ended() {},
      });
      channel.send([new Uint8Array(100)]);
      await channel.closed;
      expect(calls).toBe(1);
    });

    if (factory.kill === undefined) return;
    it('notices when the peer vanishes', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(10)]);
      await sink.until(() => sink.received.length === 10, 'the bytes');
      factory.kill?.();
      await sink.until(() => sink.endedCount > 0, 'the end');
      channel.destroy();
      await channel.closed;
      expect(sink.endedCount).toBe(1);
    });
  });
}
