/**
 * One of four connections is cut every 100 ms under a load of random reads and writes, each of which is verified. Prints the
 * throughput beside that of the same load undisturbed; `NBDJS_CHAOS_SECONDS=60` makes it last.
 *
 * @module-tag slow
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { ChaosProxy, seededRandom } from '@nbdjs/testkit';
import { listen } from '@nbdjs/transport';
import { afterAll, expect, it } from 'vitest';
import { connect, type NbdClient } from '../src/index.ts';

const seconds = Number(process.env.NBDJS_CHAOS_SECONDS ?? 3);
const laneCount = 32;
const laneBytes = 256 * 1024;
const blockBytes = 16 * 1024;
const blocksPerLane = laneBytes / blockBytes;
const cutMs = 100;

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** So much is moved at least, however little of the machine there is for it. */
const leastBytes = 2 ** 24;

/** Reads and writes blocks at random for so long; gives bytes per second. What is read otherwise than written is thrown. */
async function load(disk: NbdClient, durationMs: number): Promise<number> {
  const random = seededRandom(1);
  const startedAt = performance.now();
  let byteCount = 0;
  const lane = async (base: number): Promise<void> => {
    // What each block holds in all its words; nothing is written before it is known.
    const values = new Uint32Array(blocksPerLane);
    await disk.writeZeroes(base, laneBytes);
    const target = new Uint8Array(blockBytes);
    const words = new Uint32Array(target.buffer);
    while (performance.now() - startedAt < durationMs || byteCount < leastBytes) {
      const block = Math.floor(random() * blocksPerLane);
      if (random() < 0.5) {
        values[block] = Math.floor(random() * 2 ** 32);
        words.fill(values[block] as number);
        await disk.write(base + block * blockBytes, target);
      } else {
        await disk.read(base + block * blockBytes, target);
        const wrong = words.findIndex((word) => word !== values[block]);
        if (wrong >= 0) throw new Error(`block ${block} at ${base} is wrong from word ${wrong} on`);
      }
      byteCount += blockBytes;
    }
  };
  await Promise.all(Array.from({ length: laneCount }, (_, index) => lane(index * laneBytes)));
  return byteCount / ((performance.now() - startedAt) / 1000);
}

it('fails nothing, and goes on nearly as fast', { timeout: (seconds * 2 + 60) * 1000 }, async () => {
  const server = createServer({ exports: { '': createMemoryDevice({ size: laneCount * laneBytes }) } });
  const target = { type: 'unix', path: join(folder, 'target') } as const;
  const listener = await listen(target, (channel) => void server.accept(channel));
  await using proxy = await ChaosProxy.start({ listen: { type: 'unix', path: join(folder, 'proxy') }, target });
  const disk = await connect(proxy.uri(), { connections: 4, reconnectDelayMs: 30_000 });
  const undisturbed = await load(disk, seconds * 1000);
  let cutCount = 0;
  const cutting = setInterval(() => {
    const { live } = proxy;
    if (live.length < 2) return;
    live[cutCount % live.length]?.cut(cutCount % 2 === 0 ? 'close' : 'reset');
    cutCount++;
  }, cutMs);
  const disturbed = await load(disk, seconds * 1000);
  clearInterval(cutting);
  await disk.flush();
  const { connections, requestsResent, requestsReplayed } = disk.statistics;
  await disk.close();
  await listener.close();
  await server.close();
  const ratio = disturbed / undisturbed;
  const rate = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB/s`;
  console.log(
    `undisturbed ${rate(undisturbed)}, cut ${cutCount} times ${rate(disturbed)}: ${(ratio * 100).toFixed(0)} %; ` +
      `${connections} connections, ${requestsResent} requests sent again, ${requestsReplayed} replayed`,
  );
  expect(cutCount).toBeGreaterThan(0);
  expect(connections).toBeGreaterThan(4);
  // Very loose: only what stands still is found by it.
  expect(ratio).toBeGreaterThan(0.05);
});
