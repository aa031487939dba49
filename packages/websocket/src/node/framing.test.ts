import { VirtualClock } from '@nbdjs/testkit';
import { createMemoryPair } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import type { FrameEvents } from '../channel/frame-channel.ts';
import { Framing } from './framing.ts';

const noEvents = {
  directTarget: () => undefined,
  landed() {},
  arrived() {},
  received() {},
  sent() {},
  ended() {},
  failed() {},
  closed() {},
} as unknown as FrameEvents;

const closeMs = 1000;

/** A server's WebSocket over memory, and the peer's end of that. */
function setUp() {
  const clock = new VirtualClock();
  const [lower, peer] = createMemoryPair({ capacityBytes: 1000 });
  const framing = new Framing(lower, noEvents, {
    role: 'server',
    hasRandomMask: false,
    messageBytesMax: 2 ** 20,
    closeMs,
    clock,
    pingMs: 0,
    silenceMs: 0,
  });
  framing.pause(false);
  return { clock, lower, peer, framing };
}

/** Reads and counts. */
function readAll(peer: ReturnType<typeof createMemoryPair>[1]) {
  const count = { bytes: 0 };
  const buffer = new Uint8Array(4096);
  peer.open({
    writable: () => buffer,
    advance: (byteCount) => {
      count.bytes += byteCount;
    },
    drained() {},
    ended() {},
  });
  return count;
}

it('gives a slow peer its time for what is queued before a Close, and then the limit for its own', async () => {
  const { clock, lower, peer, framing } = setUp();
  let isClosed = false;
  void lower.closed.then(() => {
    isClosed = true;
  });
  expect(framing.send([new Uint8Array(5000)])).toBe(false);
  framing.end();
  await clock.advance(10 * closeMs);
  expect(isClosed).toBe(false);
  const count = readAll(peer);
  await expect.poll(() => count.bytes).toBe(4 + 5000 + 4);
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(closeMs);
  await lower.closed;
});

it('gives up a peer that does not answer a Close', async () => {
  const { clock, lower, framing } = setUp();
  framing.end();
  await clock.advance(closeMs);
  await lower.closed;
});
