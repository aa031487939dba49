/** curl uploads what qemu-img reads. */
import { readFileSync } from 'node:fs';
import { createWorkspace, describePeers, makeRawImage, runCommandLine, runPeer } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { createService } from '../service.ts';

describePeers('curl and qemu-img', ['qemu-img'], (generation) => {
  it('an uploaded image is the same over NBD', async () => {
    await using workspace = createWorkspace(generation);
    const image = workspace.hostPath('disk');
    makeRawImage(image, 8 * 2 ** 20, [{ offset: 2 ** 20, length: 2 ** 20 }]);
    const service = await createService({ folder: workspace.hostPath('images') });
    const url = await service.listen({ host: '127.0.0.1', port: 0 });
    const { code, stdout, stderr } = await runCommandLine([
      ...(['curl', '--silent', '--show-error', '--fail', '--upload-file', image] as const),
      ...['--header', 'content-type: application/octet-stream', `${url}/disks/first`],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { uri } = JSON.parse(stdout.toString()) as { uri: string };
    const converted = await runPeer('qemu-img', generation, [
      ...['convert', '-f', 'raw', '-O', 'raw', uri, workspace.peerPath('copy')],
    ]);
    await service.close();
    expect(converted).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(workspace.hostPath('copy')).equals(readFileSync(image))).toBe(true);
  });
});
