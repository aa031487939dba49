/** What a listener reports about its peers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectTcp, connectUnix, type ListenOptions, type ListenTarget, listen } from '../src/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A peer, as the listener reports it. */
async function visit(target: ListenTarget, options?: ListenOptions): Promise<PeerDescription> {
  let take: (channel: ByteChannel) => void = () => {};
  const taken = new Promise<ByteChannel>((resolve) => {
    take = resolve;
  });
  const listener = await listen(target, (channel) => take(channel), options);
  const { address } = listener;
  const visitor = await (address.type === 'tcp' ? connectTcp(address) : connectUnix(join(folder, 'socket')));
  const channel = await taken;
  channel.destroy();
  visitor.destroy();
  await Promise.all([channel.closed, visitor.closed]);
  await listener.close();
  return channel.peer;
}

describe('visitors', () => {
  it('of a TCP port have an address', async () => {
    expect(await visit({ type: 'tcp', host: '127.0.0.1', port: 0 })).toMatchObject({
      transport: 'tcp',
      address: '127.0.0.1',
      name: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
  });

  it('of a Unix socket have their user only if the caller asks for it', async () => {
    const target = { type: 'unix', path: join(folder, 'socket') } as const;
    expect(await visit(target)).toEqual({ name: target.path, transport: 'unix', tls: false });
  });

  it.runIf(process.platform === 'linux')('of a Unix socket have a user', async () => {
    const { uid, gid } = userInfo();
    const target = { type: 'unix', path: join(folder, 'socket') } as const;
    const { user } = await visit(target, { users: true });
    expect(user).toEqual({ uid, gid, pid: process.pid });
    vi.stubEnv('NBDJS_NO_NATIVE', '1');
    expect((await visit(target, { users: true })).user).toBeUndefined();
  });
});
