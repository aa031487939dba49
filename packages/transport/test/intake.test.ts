/** So many connections at a time; the others wait with the system. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel } from '@nbdjs/interfaces';
import { capabilities } from '@nbdjs/syscalls';
import { describe, expect, it } from 'vitest';
import { type Listener, type ListenTarget, listen } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
const path = join(folder, 'socket');

function addressOf({ address }: Listener): NetConnectOpts {
  if (address.type === 'unix') return { path: address.path };
  return address.type === 'tcp' ? { host: address.host, port: address.port } : { port: 0 };
}

/** Without the system's help, no client can be kept waiting. */
describe.skipIf(!capabilities().duplicateDescriptor)('a listener with connectionsMax', () => {
  it.each<[string, ListenTarget]>([
    ['TCP', { type: 'tcp', host: '127.0.0.1', port: 0 }],
    ['Unix', { type: 'unix', path }],
  ])('F32: takes so many at a time over %s, and the others when there is room', async (_name, target) => {
    const taken: ByteChannel[] = [];
    const full: boolean[] = [];
    const onFull = (canWait: boolean): unknown => full.push(canWait);
    const listener = await listen(target, (channel) => void taken.push(channel), {
      connectionsMax: 2,
      onFull: onFull as never,
    });
    const clients = Array.from({ length: 6 }, () => connect(addressOf(listener)));
    let connected = 0;
    for (const client of clients) client.on('connect', () => connected++).on('error', () => {});
    await expect.poll(() => connected).toBe(6);
    for (let gone = 0; gone < 6; gone++) {
      await expect.poll(() => taken.length).toBe(Math.min(6, gone + 2));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(taken).toHaveLength(Math.min(6, gone + 2));
      taken[gone]?.destroy();
    }
    expect(full.length).toBeGreaterThan(0);
    expect(full.every((canWait) => canWait)).toBe(true);
    await listener.close();
    for (const client of clients) client.destroy();
  });

  it('F32: can be closed while it is full, and leaves no descriptor behind', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const taken: ByteChannel[] = [];
    const listener = await listen({ type: 'unix', path }, (channel) => void taken.push(channel), { connectionsMax: 1 });
    const client = connect(addressOf(listener)).on('error', () => {});
    await expect.poll(() => taken.length).toBe(1);
    await listener.close();
    taken[0]?.destroy();
    client.destroy();
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
    rmSync(folder, { recursive: true, force: true });
  });
});
