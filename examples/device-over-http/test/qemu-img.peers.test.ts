/** A file on a web server, served by NBD, and read by qemu-img; a web server of others that knows no ranges. */
import { readFileSync } from 'node:fs';
import { createWorkspace, describePeers, runPeer } from '@nbdjs/peers';
import { serve } from '@nbdjs/server';
import { listen } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { createBlockCache } from '../block-cache.ts';
import { openHttpDevice } from '../http-device.ts';
import { WebServer } from './web-server.ts';

describePeers('qemu-img', ['qemu-img'], (generation) => {
  it('converts a file that is on a web server', async () => {
    await using workspace = createWorkspace(generation);
    const content = Buffer.alloc(9 * 2 ** 20 + 512);
    for (let offset = 0; offset < content.length; offset += 8) content.writeDoubleBE(offset, offset);
    const web = await new WebServer(content).start();
    const image = createBlockCache(await openHttpDevice(web.url), { blockBytes: 2 ** 20 });
    const serving = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports: { image } });
    const { code, stderr } = await runPeer('qemu-img', generation, [
      ...['convert', '-f', 'raw', '-O', 'raw', serving.uri, workspace.peerPath('copy')],
    ]);
    await serving.close();
    await image.close();
    web.stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(workspace.hostPath('copy')).subarray(0, content.length).equals(content)).toBe(true);
    // Each block came once.
    expect(web.ranges.length).toBe(1 + 10);
  });
});
