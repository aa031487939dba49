/** What every `ByteChannel` has to do. The other end of each channel sends back what it gets. */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';

export interface ByteChannelFactory {
  /** Makes a channel whose peer echoes every byte, and ends when we end. */
  connect(): Promise<ByteChannel>;
  /** Makes the peers vanish. Left out where that cannot be arranged. */
  kill?(): void;
  /**
   * Has the channel that was made last fail without anybody closing it: something comes that its transport cannot make sense of, or
   * what carries it says that it is broken. Left out where a channel can only end.
   */
  fail?(): void;
}

/** Collects what arrives, in memory of odd sizes, and checks the rules on the way. */
class Collector implements ByteSink {
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
    expect(byteCount).toBeGreaterThan(0);
    expect(byteCount).toBeLessThanOrEqual(this.#offered);
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

  /** Settles when the condition holds; looked at whenever something has happened. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
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

/** Takes megabytes: compares them with a pattern as they come, within memory that has guards before and behind it. */
class PatternSink extends Collector {
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
    // Comparing a million bytes one by one through `expect` would take minutes.
    if (came.some((byte, index) => byte !== patternByte(receivedBytes + index))) {
      throw new Error(`wrong bytes behind position ${receivedBytes}`);
    }
    const guards = [this.#room.subarray(0, this.#guardBytes), this.#room.subarray(-this.#guardBytes)];
    if (guards.some((guard) => guard.some((byte) => byte !== 0xee))) throw new Error('wrote outside the named memory');
    this.receivedBytes += byteCount;
    this.wake();
  }
}

/** Its period is a prime, so that no piece of it fits in the wrong place. */
const patternByte = (position: number): number => (position % 251) ^ ((position >> 16) & 0xff);

const patternFrom = (position: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => patternByte(position + index));

/** A sink that does nothing but what a test says. */
const sinkWith = (behaviour: Partial<ByteSink>): ByteSink => ({
  writable: () => new Uint8Array(4096),
  advance() {},
  drained() {},
  ended() {},
  ...behaviour,
});

const soon = (delayMs = 30): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs));

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

    it.each([1, 2, 4095, 65_537, 3 * 2 ** 20])(
      'carries %i bytes into the named memory and nowhere else',
      async (size) => {
        const random = seededRandom(size);
        const channel = await factory.connect();
        const sink = new PatternSink(() => 1 + Math.floor(random() ** 4 * 300_000));
        channel.open(sink);
        for (let position = 0; position < size; ) {
          const length = Math.min(size - position, 1 + Math.floor(random() * 200_000));
          const count = sink.drainedCount;
          if (!channel.send([patternFrom(position, length)])) {
            await sink.until(() => sink.drainedCount > count, 'drained');
          }
          position += length;
        }
        await sink.until(() => sink.receivedBytes === size, 'all bytes');
        channel.destroy();
        expect(await channel.closed).toEqual({ by: 'us', cause: undefined });
      },
    );

    it('leaves alone what it has announced, also when it was paused in between', async () => {
      const size = 2 ** 20;
      const channel = await factory.connect();
      const memory = new Uint8Array(size + 1);
      const sink = new Collector();
      let position = 0;
      channel.open(
        sinkWith({
          writable: () => memory.subarray(position),
          advance: (byteCount) => {
            position += byteCount;
            channel.pause(true);
            setImmediate(() => channel.pause(false));
          },
          drained: () => sink.drained(),
        }),
      );
      for (let sentBytes = 0; sentBytes < size; sentBytes += 2 ** 17) {
        const count = sink.drainedCount;
        if (!channel.send([patternFrom(sentBytes, 2 ** 17)])) {
          await sink.until(() => sink.drainedCount > count, 'drained');
        }
      }
      await sink.until(() => position === size, 'all bytes');
      expect(Buffer.compare(memory.subarray(0, size), patternFrom(0, size))).toBe(0);
      channel.destroy();
    });

    it('has no more use for chunks that it did not keep', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      const chunk = Buffer.from([1, 2, 3]);
      expect(channel.send([chunk])).toBe(true);
      chunk.fill(0);
      await sink.until(() => sink.received.length === 3, 'the bytes');
      expect(sink.received).toEqual([1, 2, 3]);
      channel.destroy();
    });

    it('sends nothing for nothing', async () => {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      expect(channel.send([])).toBe(true);
      expect(channel.send([new Uint8Array(0), Uint8Array.of(7), new Uint8Array(0)])).toBe(true);
      await sink.until(() => sink.received.length > 0, 'the byte');
      await soon();
      expect(sink.received).toEqual([7]);
      channel.destroy();
    });

    it('goes over to another sink within a delivery', async () => {
      const channel = await factory.connect();
      const sinks = Array.from({ length: 20 }, () => new Collector(() => 7));
      const order: number[] = [];
      const openNext = (index: number): void => {
        const sink = sinks[index];
        if (sink === undefined) return;
        channel.open({
          writable: () => sink.writable(),
          advance: (byteCount) => {
            sink.advance(byteCount);
            order.push(...sink.received.splice(0));
            // The last sink stays and takes the rest.
            openNext(index + 1);
          },
          drained() {},
          ended() {},
        });
      };
      openNext(0);
      const last = sinks.at(-1) as Collector;
      channel.send([patternFrom(0, 1000)]);
      await last.until(() => order.length === 1000, 'all bytes');
      expect(Uint8Array.from(order)).toEqual(patternFrom(0, 1000));
      channel.destroy();
    });

    it('delivers nothing more when paused within a delivery', async () => {
      const channel = await factory.connect();
      const sink = new Collector(() => 3);
      let deliveries = 0;
      channel.open({
        writable: () => sink.writable(),
        advance: (byteCount) => {
          deliveries++;
          channel.pause(true);
          sink.advance(byteCount);
        },
        drained() {},
        ended() {},
      });
      channel.send([patternFrom(0, 30)]);
      for (let round = 1; sink.received.length < 30; round++) {
        await sink.until(() => deliveries === round, `delivery ${round}`);
        await soon(5);
        expect(deliveries).toBe(round);
        channel.pause(false);
        expect(deliveries).toBe(round);
      }
      expect(Uint8Array.from(sink.received)).toEqual(patternFrom(0, 30));
      channel.destroy();
    });

    it('says that it has drained to those who go on sending, and to those who end', async () => {
      const channel = await factory.connect();
      const sink = new Collector(() => 65_536);
      channel.open(sink);
      channel.pause(true);
      let sentBytes = 0;
      for (let isFree = true; isFree && sentBytes < 64 * 2 ** 20; sentBytes += 50_000) {
        isFree = channel.send([new Uint8Array(50_000)]);
      }
      for (let round = 0; round < 10; round++, sentBytes += 100)
        expect(channel.send([new Uint8Array(100)])).toBe(false);
      channel.end();
      expect(sink.drainedCount).toBe(0);
      channel.pause(false);
      await sink.until(() => sink.endedCount > 0, 'the end');
      expect(sink.received).toHaveLength(sentBytes);
      expect(sink.drainedCount).toBe(1);
      await channel.closed;
    });

    it.each([
      ['throws when asked for memory', () => raise('broken')],
      ['names no memory', () => new Uint8Array(0)],
    ])('is destroyed by a sink that %s', async (_, writable) => {
      const channel = await factory.connect();
      let isFirst = true;
      channel.open(
        sinkWith({
          writable: () => (isFirst ? new Uint8Array(10) : writable()),
          advance() {
            isFirst = false;
          },
        }),
      );
      channel.send([Uint8Array.of(1)]);
      await soon();
      channel.send([Uint8Array.of(2)]);
      expect(await channel.closed).toMatchObject({ by: 'us', cause: expect.any(Error) });
    });

    it('survives a sink that throws when told of the end', async () => {
      const channel = await factory.connect();
      channel.open(sinkWith({ ended: () => raise('broken at the end') }));
      channel.end();
      expect(await channel.closed).toBeDefined();
    });

    it('is silent once it has been destroyed, whatever was under way', async () => {
      const channel = await factory.connect();
      const calls: string[] = [];
      channel.open(
        sinkWith({
          advance: () => void calls.push('advance'),
          drained: () => void calls.push('drained'),
          ended: () => void calls.push('ended'),
        }),
      );
      channel.pause(true);
      for (let round = 0; round < 1000 && channel.send([new Uint8Array(65_536)]); round++);
      channel.destroy();
      channel.pause(false);
      channel.end();
      await channel.closed;
      await soon();
      expect(calls).toEqual(['ended']);
    });

    it('leaves nothing behind', async () => {
      const handles = (): number =>
        process.getActiveResourcesInfo().filter((kind) => /Socket|Pipe|Process|MessagePort/.test(kind)).length;
      // The first connection may bring up what serves the later ones.
      const connectOnce = async (): Promise<void> => {
        const channel = await factory.connect();
        const sink = new Collector();
        channel.open(sink);
        channel.send([new Uint8Array(100)]);
        await sink.until(() => sink.received.length === 100, 'the bytes');
        channel.destroy();
        await channel.closed;
      };
      await connectOnce();
      await soon(100);
      const before = handles();
      for (let round = 0; round < 5; round++) await connectOnce();
      await expect.poll(handles, { timeout: 8000 }).toBeLessThanOrEqual(before);
    });

    const { fail } = factory;
    if (fail !== undefined) {
      it('F24: ends at once when it fails, although nobody has closed it', async () => {
        const channel = await factory.connect();
        const sink = new Collector();
        channel.open(sink);
        channel.send([new Uint8Array(10)]);
        await sink.until(() => sink.received.length === 10, 'the bytes');
        fail();
        await sink.until(() => sink.endedCount > 0, 'the end');
        expect(sink.cause).toBeInstanceOf(Error);
        expect(channel.send([new Uint8Array(10)])).toBe(true);
        const isClosed = Promise.race([channel.closed, soon(5000)]);
        expect(await isClosed).toMatchObject({ by: 'error', cause: { message: sink.cause?.message } });
        expect(sink.endedCount).toBe(1);
      });
    }

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

function raise(message: string): never {
  throw new Error(message);
}
