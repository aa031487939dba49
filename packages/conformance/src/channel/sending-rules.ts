/** What a channel does with the bytes that it is given. */
import type { Rule } from '../runner.ts';
import { deepEqual, equal, wait } from '../verify.ts';
import type { ByteChannelFactory } from './byte-channel-factory.ts';
import { Collector } from './sinks.ts';

export const sendingRules: readonly Rule<ByteChannelFactory>[] = [
  {
    title: 'applies back-pressure while the peer does not read, and calls drained afterwards',
    async check(factory) {
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
      equal(isFree, false);
      equal(sink.drainedCount, 0);
      channel.pause(false);
      await sink.until(() => sink.drainedCount > 0, 'drained');
      await sink.until(() => sink.received.length === sentBytes, 'all bytes');
      equal(sink.drainedCount, 1);
      channel.destroy();
    },
  },
  {
    title: 'does not read chunks after a send that returned true',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      const chunk = Uint8Array.of(1, 2, 3);
      equal(channel.send([chunk]), true);
      chunk.fill(0);
      await sink.until(() => sink.received.length === 3, 'the bytes');
      deepEqual(sink.received, [1, 2, 3]);
      channel.destroy();
    },
  },
  {
    title: 'sends nothing for nothing',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      equal(channel.send([]), true);
      equal(channel.send([new Uint8Array(0), Uint8Array.of(7), new Uint8Array(0)]), true);
      await sink.until(() => sink.received.length > 0, 'the byte');
      await wait(30);
      deepEqual(sink.received, [7]);
      channel.destroy();
    },
  },
  {
    title: 'calls drained for a sender that goes on, and for one that ends',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector(() => 65_536);
      channel.open(sink);
      channel.pause(true);
      let sentBytes = 0;
      for (let isFree = true; isFree && sentBytes < 64 * 2 ** 20; sentBytes += 50_000) {
        isFree = channel.send([new Uint8Array(50_000)]);
      }
      for (let round = 0; round < 10; round++, sentBytes += 100) equal(channel.send([new Uint8Array(100)]), false);
      channel.end();
      equal(sink.drainedCount, 0);
      channel.pause(false);
      await sink.until(() => sink.endedCount > 0, 'the end');
      equal(sink.received.length, sentBytes, 'the length');
      equal(sink.drainedCount, 1);
      await channel.closed;
    },
  },
];
