/** Exports whose names are not UTF-8, of a server that takes them from files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describePeers, startNbdkit, Workspace } from '@nbdjs/peers';
import { parseUri } from '@nbdjs/protocol';
import { expect, it } from 'vitest';
import { createConnector, openNegotiation } from '../src/index.ts';

describePeers('names that are not UTF-8', ['nbdkit'], (generation) => {
  it('F31: are listed beside the others, and opened by their bytes', async () => {
    using workspace = new Workspace(generation);
    mkdirSync(workspace.hostPath('exports'));
    writeFileSync(workspace.hostPath('exports/good'), Buffer.alloc(512));
    const bad = Buffer.concat([Buffer.from(workspace.hostPath('exports/bad')), Buffer.of(0xff)]);
    writeFileSync(bad, Buffer.alloc(1024));
    const server = await startNbdkit(workspace, ['file', `dir=${workspace.peerPath('exports')}`]);
    const { address } = parseUri(server.uri());
    if (address.transport !== 'unix') throw new Error('expected a Unix socket');
    const endpoint = { type: 'unix', path: address.path } as const;

    const negotiation = await openNegotiation(endpoint);
    const entries = [...(await negotiation.list())].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(entries).toEqual([
      { name: 'bad\udcff', description: '', fault: 'is not UTF-8' },
      { name: 'good', description: '' },
    ]);
    expect(await negotiation.info('bad\udcff')).toMatchObject({ size: 1024n });
    await negotiation.abort();

    // Through the thread as well.
    const { exportName } = parseUri('nbd://host/bad%ff');
    for (const delivery of ['inline', 'thread'] as const) {
      const { connector } = createConnector({ endpoint, delivery, handshake: { exportName } });
      const { channel, facts } = await connector.establish({ wait: true });
      expect(facts).toMatchObject({ size: 1024n, exportName: 'bad\udcff' });
      channel.destroy();
      connector.release();
    }
    await server.stop();
  });
});
