import { MessageChannel } from 'node:worker_threads';
import { createMemoryPair } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { RingReader, RingWriter } from './byte-ring.ts';
import { CallerEnd } from './caller-end.ts';
import { LinkMemoryPool } from './link-memory-pool.ts';
import { PollLoop } from './poll-loop.ts';
import { WorkerEnd } from './worker-end.ts';

it('returns memory for the same sizes again, as good as new', () => {
  const pool = new LinkMemoryPool();
  const memory = pool.take({ receiveBytes: 4096, sendBytes: 8192 });
  const ring = { buffer: memory.buffer, controlOffset: 256, dataOffset: 2048, capacityBytes: 4096 };
  new RingWriter(ring).write(Uint8Array.of(1, 2, 3));
  expect(new RingReader(ring).available).toBe(3);
  pool.giveBack(memory);
  expect(pool.take({ receiveBytes: 8192, sendBytes: 4096 })).not.toBe(memory);
  const again = pool.take({ receiveBytes: 4096, sendBytes: 8192 });
  expect(again).toBe(memory);
  expect(new RingReader(ring).available).toBe(0);
  expect(pool.take({ receiveBytes: 4096, sendBytes: 8192 })).not.toBe(memory);
});

it('keeps a few only', () => {
  const pool = new LinkMemoryPool();
  const sizes = { receiveBytes: 4096, sendBytes: 4096 };
  const many = Array.from({ length: 20 }, () => pool.take(sizes));
  for (const memory of many) pool.giveBack(memory);
  const again = new Set(Array.from({ length: 20 }, () => pool.take(sizes)));
  expect(many.filter((memory) => again.has(memory))).toHaveLength(16);
});

it('gets memory back when both sides have finished, and neither touches it afterwards', async () => {
  const [ours] = createMemoryPair();
  const { port1, port2 } = new MessageChannel();
  const memory = new LinkMemoryPool().take({ receiveBytes: 4096, sendBytes: 4096 });
  const worker = new WorkerEnd(ours, memory, port1, new PollLoop());
  let hasReleased = false;
  const caller = new CallerEnd(memory, port2, ours.peer, () => {
    hasReleased = true;
  });
  caller.send([new Uint8Array(5000)]);
  caller.destroy();
  await caller.closed;
  expect(hasReleased).toBe(true);
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0x77);
  worker.drained();
  worker.ended();
  caller.send([Uint8Array.of(1)]);
  caller.open({ writable: () => new Uint8Array(10), advance: () => {}, drained: () => {}, ended: () => {} });
  caller.pause(false);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(bytes.every((byte) => byte === 0x77)).toBe(true);
});
