/** What a channel delivers, when, and to which sink. */
import { seededRandom } from '../random.ts';
import type { Rule } from '../runner.ts';
import { deepEqual, equal, sameBytes, wait } from '../verify.ts';
import type { ByteChannelFactory } from './byte-channel-factory.ts';
import { Collector, PatternSink, patternFrom, sinkWith } from './sinks.ts';

export const deliveryRules: readonly Rule<ByteChannelFactory>[] = [
  {
    title: 'carries bytes both ways, in memory of any size',
    async check(factory) {
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
      deepEqual(sink.received, sent);
      channel.destroy();
      await channel.closed;
    },
  },
  {
    title: 'delivers nothing within open or send',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(10)]);
      equal(sink.received.length, 0, 'the length');
      await sink.until(() => sink.received.length === 10, 'the bytes');
      channel.destroy();
    },
  },
  {
    title: 'keeps bytes that arrive before it is opened',
    async check(factory) {
      const channel = await factory.connect();
      channel.send([Uint8Array.of(1, 2, 3)]);
      await wait(30);
      const sink = new Collector(() => 2);
      channel.open(sink);
      await sink.until(() => sink.received.length === 3, 'the bytes');
      deepEqual(sink.received, [1, 2, 3]);
      channel.destroy();
    },
  },
  {
    title: 'changes to another sink between deliveries',
    async check(factory) {
      const channel = await factory.connect();
      const first = new Collector(() => 100);
      const second = new Collector(() => 3);
      channel.open(first);
      channel.send([Uint8Array.of(1, 2, 3, 4)]);
      await first.until(() => first.received.length === 4, 'the first bytes');
      channel.open(second);
      channel.send([Uint8Array.of(5, 6, 7, 8, 9, 10, 11)]);
      await second.until(() => second.received.length === 7, 'the second bytes');
      deepEqual(second.received, [5, 6, 7, 8, 9, 10, 11]);
      deepEqual(first.received, [1, 2, 3, 4]);
      channel.destroy();
      await channel.closed;
      equal(first.endedCount, 0);
      equal(second.endedCount, 1);
    },
  },
  {
    title: 'delivers nothing while paused',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(10)]);
      await sink.until(() => sink.received.length === 10, 'the bytes');
      channel.pause(true);
      channel.send([new Uint8Array(10)]);
      await wait(30);
      equal(sink.received.length, 10, 'the length');
      channel.pause(false);
      await sink.until(() => sink.received.length === 20, 'the rest');
      channel.destroy();
    },
  },
  {
    title: 'changes to another sink within a delivery',
    async check(factory) {
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
      deepEqual(Uint8Array.from(order), patternFrom(0, 1000));
      channel.destroy();
    },
  },
  {
    title: 'delivers nothing more when paused within a delivery',
    async check(factory) {
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
        await wait(5);
        equal(deliveries, round);
        channel.pause(false);
        equal(deliveries, round);
      }
      deepEqual(Uint8Array.from(sink.received), patternFrom(0, 30));
      channel.destroy();
    },
  },
  {
    title: 'does not change bytes that it has announced, also when it was paused in between',
    async check(factory) {
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
            setTimeout(() => channel.pause(false));
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
      sameBytes(memory.subarray(0, size), patternFrom(0, size));
      channel.destroy();
    },
  },
  ...[1, 2, 4095, 65_537, 3 * 2 ** 20].map(carriesExactly),
];

function carriesExactly(size: number): Rule<ByteChannelFactory> {
  return {
    title: `carries ${size} bytes into the named memory and nowhere else`,
    async check(factory) {
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
      deepEqual(await channel.closed, { by: 'us', cause: undefined });
    },
  };
}
