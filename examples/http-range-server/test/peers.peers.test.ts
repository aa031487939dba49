/** curl in front, qemu-nbd behind. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from '@nbdjs/client';
import { createWorkspace, describePeers, makeRawImage, runCommandLine, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { createRangeHandler } from '../range-handler.ts';

describePeers('curl and qemu-nbd', ['qemu-nbd'], (generation) => {
  it('curl reads parts, and goes on with a download', async () => {
    await using workspace = createWorkspace(generation);
    makeRawImage(workspace.hostPath('disk'), 3 * 2 ** 20, [{ offset: 2 ** 20, length: 2 ** 20 }]);
    const bytes = readFileSync(workspace.hostPath('disk'));
    await using qemu = await startQemuNbd(workspace, { image: 'disk', format: 'raw', readOnly: true });
    await using disk = await connect(qemu.uri());
    const web = createServer(createRangeHandler(disk)).listen(0, '127.0.0.1');
    await once(web, 'listening');
    const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/`;
    const curl = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCommandLine([
        'curl',
        '--silent',
        '--show-error',
        '--fail',
        ...args,
        url,
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    try {
      const part = await curl('--range', '1048570-1048590');
      expect(part.equals(bytes.subarray(1_048_570, 1_048_591))).toBe(true);
      expect((await curl('--range', '-100')).equals(bytes.subarray(-100))).toBe(true);
      expect((await curl('--head')).toString()).toContain('Content-Length: 3145728'.toLowerCase());
      const file = workspace.hostPath('download');
      await curl('--range', '0-1499999', '--output', file);
      await curl('--continue-at', '-', '--output', file);
      expect(readFileSync(file).equals(bytes)).toBe(true);
    } finally {
      web.closeAllConnections();
      web.close();
    }
  });
});
