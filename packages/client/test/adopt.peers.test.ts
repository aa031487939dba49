/** A client on a connection that was negotiated before. */
import { openNegotiation } from '@nbdjs/connection';
import { describePeers, makeRawImage, type PeerServer, startNbdkit, startQemuNbd, Workspace } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { adoptConnection, resolveTarget } from '../src/index.ts';

describePeers('adoptConnection', ['nbdkit', 'qemu-nbd'], (generation) => {
  it('D5: asks, opens and reads on one connection of a server that takes one client at a time', async () => {
    using workspace = new Workspace(generation);
    const server: PeerServer = await startNbdkit(workspace, ['pattern', '64k', '--filter=limit', 'limit=1']);
    const { endpoint } = resolveTarget(server.uri());
    const negotiation = await openNegotiation(endpoint);
    const { size } = await negotiation.info('');
    const client = await adoptConnection(await negotiation.go(''), {}, 'the pattern');
    expect(client.geometry.size).toBe(size);
    expect(client.name).toBe('the pattern');
    expect(await client.readBytes(8, 8)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 8));
    await client.close();
    await server.stop();
    // Nothing makes another connection.
    await expect(client.readBytes(0, 8)).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
  });

  it('fails what is asked for when the connection is lost', async () => {
    using workspace = new Workspace(generation);
    makeRawImage(workspace.hostPath('disk.img'), 1024 * 1024, []);
    const server = await startQemuNbd(workspace, { format: 'raw', image: 'disk.img' });
    const negotiation = await openNegotiation(resolveTarget(server.uri()).endpoint);
    const client = await adoptConnection(await negotiation.go(''));
    await server.stop();
    await expect.poll(() => client.state).not.toBe('connected');
    await expect(client.readBytes(0, 8)).rejects.toMatchObject({
      code: 'ERR_NBD_CONNECT',
      message: expect.stringContaining('cannot be made again'),
    });
    client.destroy();
  });
});
