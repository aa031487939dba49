/**
 * Thousands of connections in a row leave nothing behind. Prints what one costs.
 *
 * @module-tag slow
 */
import { getEventListeners } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connector } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createConnector, type Delivery } from '../src/index.ts';
import { establishmentThread } from '../src/thread/thread-connector.ts';
import { Probe } from './support/probe.ts';
import { ServerThread } from './support/server-thread.ts';

const rounds = 10_000;
const deliveries: readonly Delivery[] = capabilities().duplicateDescriptor
  ? ['handed-over', 'inline', 'kept']
  : ['inline', 'kept'];

/** The garbage collector runs late, but a leak of 30 KiB per connection would be seen. */
const memoryGrowthMax = 300 * 2 ** 20;

/** The number of establishments at a time. */
const sideBySide = 4;

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
let server: ServerThread;
let connectors: Connector[] = [];

beforeAll(async () => {
  server = await ServerThread.start({ type: 'unix', path: join(folder, 'socket') });
});

afterEach(() => {
  for (const connector of connectors) connector.release();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(deliveries)('%s', (delivery) => {
  it(`${rounds} establishments in a row leave no descriptor, listener or thread behind`, {
    timeout: 120_000,
  }, async () => {
    const { signal } = new AbortController();
    connectors = Array.from(
      { length: sideBySide },
      () => createConnector({ endpoint: server.address, delivery }).connector,
    );
    const runs = async (roundCount: number) => {
      const share = roundCount / sideBySide;
      await Promise.all(
        connectors.map(async (connector) => {
          for (let round = 0; round < share; round++) {
            const { channel } = await connector.establish({ wait: true, signal });
            // Every hundredth is tested: it works, and its bytes are its own.
            if (round % 100 === 0) {
              const probe = new Probe(channel);
              const bytes = Uint8Array.of(round >> 8, round & 0xff);
              channel.send([bytes]);
              expect(await probe.take(2)).toEqual(bytes);
            }
            channel.destroy();
            await channel.closed;
          }
        }),
      );
    };

    await runs(400);
    const before = await afterwards();
    const startedAt = performance.now();
    await runs(rounds);
    const costMs = (performance.now() - startedAt) / rounds;
    const after = await afterwards();
    const growth = ((after.memoryBytes - before.memoryBytes) / 2 ** 20).toFixed(1);
    console.log(`${delivery}: ${rounds} establishments, ${costMs.toFixed(3)} ms each, memory grew by ${growth} MiB`);

    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(after.memoryBytes - before.memoryBytes).toBeLessThan(memoryGrowthMax);

    for (const connector of connectors) connector.release();
    await expect.poll(() => establishmentThread().isRunning, { timeout: 5000 }).toBe(false);
  });
});

/** The resources in use after the server has seen the end of all connections. */
async function afterwards(): Promise<{ descriptors: number; memoryBytes: number }> {
  await expect.poll(async () => (await server.counts()).open).toBe(0);
  return { descriptors: readdirSync('/proc/self/fd').length, memoryBytes: process.memoryUsage().rss };
}
