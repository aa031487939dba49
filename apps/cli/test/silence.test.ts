/** B11: the connection to a server that sends nothing any more counts as lost, with a silence limit. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { ChaosProxy } from '@nbdjs/testkit';
import { listen } from '@nbdjs/transport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';

describe('a server that falls silent', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-silence-'));
  const path = join(folder, 'server');
  const device = createMemoryDevice({ size: 4 * 2 ** 20 });
  const server = createServer({ exports: { '': device } });
  let stop: () => Promise<void>;

  beforeAll(async () => {
    await device.write(0, new Uint8Array(4 * 2 ** 20).fill(7));
    const listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
    stop = () => listener.close();
  });

  afterAll(async () => {
    await stop();
    await server.destroy();
    rmSync(folder, { recursive: true });
  });

  const through = (name: string) =>
    ChaosProxy.start({
      listen: { type: 'unix', path: join(folder, name) },
      target: { type: 'unix', path },
      plan: (index) => (index === 0 ? { down: { stallAt: 2_000_000 } } : {}),
    });

  it('B11: is left for a new connection by --retries, after --silence', async () => {
    await using proxy = await through('one');
    const outcome = await nbd('copy', '-C', '1', '--retries', '3', '--silence', '1', proxy.uri(), 'null:');
    expect(outcome).toMatchObject({ code: 0 });
    expect(proxy.acceptedCount).toBeGreaterThan(1);
  });

  it('B11: is left by a proxy, too, after --silence', async () => {
    await using proxy = await through('three');
    const abort = new AbortController();
    const socket = join(folder, 'proxy');
    const serving = nbdWith({ signal: abort.signal }, 'serve', '-k', socket, '--silence', '1', proxy.uri());
    await expect.poll(() => existsSync(socket)).toBe(true);
    expect(await nbd('copy', '-C', '1', `nbd+unix:///?socket=${socket}`, 'null:')).toMatchObject({ code: 0 });
    abort.abort(new Error('the test is over'));
    expect((await serving).stderr).toContain('the server has sent nothing for 1000 ms');
    expect(proxy.acceptedCount).toBeGreaterThan(1);
  });

  it('B11: ends a command without retries, which says so', async () => {
    await using proxy = await through('two');
    const { code, stderr } = await nbd('copy', '-C', '1', '--silence', '1', proxy.uri(), 'null:');
    expect(code).toBe(1);
    expect(stderr).toMatch(/the server has sent nothing for 1000 ms/);
  });
});
