/** How a channel ends, in order and otherwise. */
import type { Rule } from '../runner.ts';
import { check, deepEqual, equal, matches, until, wait } from '../verify.ts';
import type { ByteChannelFactory } from './byte-channel-factory.ts';
import { Collector, sinkWith } from './sinks.ts';

export const endingRules: readonly Rule<ByteChannelFactory>[] = [
  {
    title: 'ends our direction, delivers what is still under way, then ends in order',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      channel.send([new Uint8Array(100_000)]);
      channel.end();
      await sink.until(() => sink.endedCount > 0, 'the end');
      equal(sink.received.length, 100_000, 'the length');
      equal(sink.cause, undefined);
      matches(await channel.closed, { by: 'peer' });
      equal(sink.endedCount, 1);
    },
  },
  {
    title: 'tells a sink about the end that comes after it',
    async check(factory) {
      const channel = await factory.connect();
      const first = new Collector();
      channel.open(first);
      channel.end();
      await first.until(() => first.endedCount > 0, 'the end');
      await channel.closed;
      const second = new Collector();
      channel.open(second);
      equal(second.endedCount, 0);
      await second.until(() => second.endedCount > 0, 'the end, again');
      equal(first.endedCount, 1);
    },
  },
  {
    title: 'is destroyed at once, with a cause, and may be destroyed again',
    async check(factory) {
      const channel = await factory.connect();
      const sink = new Collector();
      channel.open(sink);
      const cause = new Error('enough');
      channel.send([new Uint8Array(10)]);
      channel.destroy(cause);
      channel.destroy();
      deepEqual(await channel.closed, { by: 'us', cause });
      equal(channel.send([new Uint8Array(10)]), true);
      await wait(20);
      equal(sink.received.length, 0, 'the length');
      equal(sink.endedCount, 1);
    },
  },
  {
    title: 'is destroyed by a sink that throws',
    async check(factory) {
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
      deepEqual(await channel.closed, { by: 'us', cause });
      equal(calls, 1);
    },
  },
  {
    title: 'may be destroyed within a delivery',
    async check(factory) {
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
      equal(calls, 1);
    },
  },
  {
    title: 'survives a sink that throws when it is notified of the end',
    async check(factory) {
      const channel = await factory.connect();
      channel.open(sinkWith({ ended: () => raise('broken at the end') }));
      channel.end();
      check((await channel.closed) !== undefined, 'undefined');
    },
  },
  {
    title: 'calls nothing but ended after it was destroyed, also with bytes under way',
    async check(factory) {
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
      await wait(30);
      deepEqual(calls, ['ended']);
    },
  },
  {
    title: 'leaves no open handles behind',
    async check(factory) {
      if (factory.openHandles === undefined) return;
      const openHandles = (): number => factory.openHandles?.() ?? 0;
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
      await wait(100);
      const before = openHandles();
      for (let round = 0; round < 5; round++) await connectOnce();
      await until(() => openHandles() <= before, 'the handles to be closed');
    },
  },
  destroyedBySink('throws when asked for memory', () => raise('broken')),
  destroyedBySink('names no memory', () => new Uint8Array(0)),
  { title: 'F24: ends at once when it fails, although neither side has closed it', check: failure },
  { title: 'ends when the peer ends without closing in order', check: vanishedPeer },
];

function destroyedBySink(what: string, writable: () => Uint8Array): Rule<ByteChannelFactory> {
  return {
    title: `is destroyed by a sink that ${what}`,
    async check(factory) {
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
      await wait(30);
      channel.send([Uint8Array.of(2)]);
      matches(await channel.closed, { by: 'us', cause: (cause: unknown) => cause instanceof Error });
    },
  };
}

async function failure(factory: ByteChannelFactory): Promise<void> {
  if (factory.fail === undefined) return;
  const channel = await factory.connect();
  const sink = new Collector();
  channel.open(sink);
  channel.send([new Uint8Array(10)]);
  await sink.until(() => sink.received.length === 10, 'the bytes');
  factory.fail();
  await sink.until(() => sink.endedCount > 0, 'the end');
  check(sink.cause instanceof Error, 'the sink was not told why the channel ended');
  equal(channel.send([new Uint8Array(10)]), true, 'what send returns on a closed channel');
  const reason = await Promise.race([channel.closed, wait(5000)]);
  const hasSameMessage = (cause: unknown): boolean => cause instanceof Error && cause.message === sink.cause?.message;
  matches(reason, { by: 'error', cause: hasSameMessage }, 'the reason of the end');
  equal(sink.endedCount, 1, 'the number of times that the sink was told of the end');
}

async function vanishedPeer(factory: ByteChannelFactory): Promise<void> {
  if (factory.kill === undefined) return;
  const channel = await factory.connect();
  const sink = new Collector();
  channel.open(sink);
  channel.send([new Uint8Array(10)]);
  await sink.until(() => sink.received.length === 10, 'the bytes');
  factory.kill();
  await sink.until(() => sink.endedCount > 0, 'the end');
  channel.destroy();
  await channel.closed;
  equal(sink.endedCount, 1, 'the number of times that the sink was told of the end');
}

function raise(message: string): never {
  throw new Error(message);
}
