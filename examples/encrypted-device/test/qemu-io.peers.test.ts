/** QEMU writes to an encrypted device, and reads it back after it was opened again. */
import { readFileSync } from 'node:fs';
import { createWorkspace, describePeers, runPeer } from '@nbdjs/peers';
import { serve } from '@nbdjs/server';
import { openFileDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { formatEncrypted, openEncrypted } from '../encrypted-device.ts';

const passphrase = 'correct horse';

describePeers('qemu-io', ['qemu-io'], (generation) => {
  it('reads back what it has written', async () => {
    await using workspace = createWorkspace(generation);
    const path = workspace.hostPath('disk');
    const fresh = await openFileDevice(path, { create: true, size: 4096 + 2 ** 20 });
    await formatEncrypted(fresh, passphrase, { cost: { cost: 2 ** 10, blockSize: 8, parallelization: 1 } });
    await fresh.close();
    const qemuIo = async (command: string) => {
      const disk = await openEncrypted(await openFileDevice(path), passphrase);
      const serving = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports: { disk } });
      const { code, stdout } = await runPeer('qemu-io', generation, ['-f', 'raw', '-c', command, serving.uri]);
      await serving.close();
      await disk.close();
      expect({ code, output: stdout.toString() }).toMatchObject({
        code: 0,
        output: expect.not.stringContaining('fail'),
      });
    };
    // Not whole sectors: QEMU has asked for the block sizes, and makes the request fit.
    await qemuIo('write -P 0xcd 1000 100000');
    await qemuIo('read -P 0xcd 1000 100000');
    await qemuIo('read -P 0 101000 4000');
    expect(readFileSync(path).includes(Buffer.alloc(16, 0xcd))).toBe(false);
  });
});
