/** A device of a few functions (`defineDevice`), as other programs see it. */
import { describePeers, runPeer, Workspace } from '@nbdjs/peers';
import { defineDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Serving, serve } from '../src/index.ts';

const size = 8 * 2 ** 20;

describePeers('a device of a few functions', ['nbdinfo', 'qemu-io'], (generation) => {
  const bytes = new Uint8Array(size);
  let workspace: Workspace;
  let serving: Serving;

  beforeEach(async () => {
    workspace = new Workspace(generation);
    const device = defineDevice({
      size,
      read: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
      write: (offset, source) => bytes.set(source, offset),
    });
    const target = { type: 'unix', path: workspace.hostPath('socket') } as const;
    serving = await serve(target, { listen, exports: { disk: device } });
  });
  afterEach(async () => {
    await serving.close();
    workspace.dispose();
  });

  const uri = (): string => `nbd+unix:///disk?socket=${workspace.peerPath('socket')}`;

  it('nbdinfo shows its size and what it can do', async () => {
    const { code, stdout } = await runPeer('nbdinfo', generation, ['--json', uri()]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout.toString()).exports[0]).toMatchObject({
      'export-size': size,
      is_read_only: false,
      can_flush: true,
      can_fua: true,
      can_trim: true,
      can_zero: true,
      can_fast_zero: false,
    });
  });

  it('qemu-io writes, reads, zeroes, discards and flushes it', async () => {
    const commands = [
      'write -P 7 0 1M',
      'read -P 7 0 1M',
      'write -z 512k 64k',
      'read -P 0 512k 64k',
      'discard 0 64k',
      'flush',
    ];
    const { code, stdout } = await runPeer('qemu-io', generation, [
      '-f',
      'raw',
      ...commands.flatMap((command) => ['-c', command]),
      uri(),
    ]);
    expect(stdout.toString()).not.toMatch(/verification failed|error/i);
    expect(code).toBe(0);
    expect([bytes[0], bytes[2 ** 20 - 1], bytes[512 * 1024], bytes[2 ** 20]]).toEqual([7, 7, 0, 0]);
  });
});
