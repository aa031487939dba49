/** QEMU through the proxy, to nbdkit. */
import { connect } from '@nbdjs/client';
import { createWorkspace, describePeers, runPeer, startNbdkit } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { startCountingProxy } from '../counting-proxy.ts';

describePeers('qemu-io and nbdkit', ['qemu-io', 'nbdkit'], (generation) => {
  it('counts what QEMU does', async () => {
    await using workspace = createWorkspace(generation);
    await using nbdkit = await startNbdkit(workspace, { plugin: 'memory', parameters: ['size=1M'] });
    await using upstream = await connect(nbdkit.uri());
    await using proxy = await startCountingProxy({ type: 'tcp', host: '127.0.0.1', port: 0 }, 'disk', upstream);
    const commands = ['write -P 7 64k 8k', 'read -P 7 64k 8k', 'flush'].flatMap((command) => ['-c', command]);
    const { code, stdout } = await runPeer('qemu-io', generation, ['-f', 'raw', ...commands, proxy.uri]);
    expect({ code, output: stdout.toString() }).toMatchObject({ code: 0, output: expect.not.stringContaining('fail') });
    const text = await proxy.metrics.registry.metrics();
    expect(text).toContain('nbd_proxy_bytes_total{client="127.0.0.1",command="write"} 8192\n');
    expect(text).toContain('nbd_proxy_bytes_total{client="127.0.0.1",command="read"} 8192\n');
    expect(text).toMatch(/nbd_proxy_requests_total\{client="127.0.0.1",command="flush"\} [1-9]/);
  });
});
