import { MessageChannel } from 'node:worker_threads';
import { createMemoryPair } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { RingReader, RingWriter } from './byte-ring.ts';
import { CallerEnd } from './caller-end.ts';
import { LinkMemoryPool } from './link-memory-pool.ts';
import { PollLoop } from './poll-loop.ts';
import { WorkerEnd } from './worker-end.ts';

it('gives memory again, as good as new, for the same sizes', () => {
  const pool = new LinkMemoryPool();
  const memory = pool.take({ receiveBytes: 4096, sendBytes: 8192 });
  const ring = { buffer: memory.buffer, controlOffset: 256, dataOffset: 2048, capacityBytes: 4096 };
  new RingWriter(ring).write(Uint8Array.of(1, 2, 3));
  expect(new RingReader(ring).available).toBe(3);
  pool.give(memory);
  expect(pool.take({ receiveBytes: 8192, sendBytes: 4096 })).not.toBe(memory);
  const again = pool.take({ receiveBytes: 4096, sendBytes: 8192 });
  expect(again).toBe(memory);
  expect(new RingReader(ring).available).toBe(0);
  expect(pool.take({ receiveBytes: 4096, sendBytes: 8192 })).not.toBe(memory);
});

it('holds no more than a few', () => {
  const pool = new LinkMemoryPool();
  const sizes = { receiveBytes: 4096, sendBytes: 4096 };
  const many = Array.from({ length: 20 }, () => pool.take(sizes));
  for (const memory of many) pool.give(memory);
  const again = new Set(Array.from({ length: 20 }, () => pool.take(sizes)));
  expect(many.filter((memory) => again.has(memory))).toHaveLength(16);
});

it('gets memory back when both sides are through, and neither touches it afterwards', async () => {
  const [ours] = createMemoryPair();
  const { port1, port2 } = new MessageChannel();
  const memory = new LinkMemoryPool().take({ receiveBytes: 4096, sendBytes: 4096 });
  const bridge = new WorkerEnd(ours, memory, port1, new PollLoop());
  let hasReleased = false;
  const owner = new CallerEnd(memory, port2, ours.peer, () => {
    hasReleased = true;
  });
  owner.send([new Uint8Array(5000)]);
  owner.destroy();
  await owner.closed;
  expect(hasReleased).toBe(true);
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0x77);
  bridge.drained();
  bridge.ended();
  owner.send([Uint8Array.of(1)]);
  owner.open({ writable: () => new Uint8Array(10), advance: () => {}, drained: () => {}, ended: () => {} });
  owner.pause(false);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(bytes.every((byte) => byte === 0x77)).toBe(true);
});
