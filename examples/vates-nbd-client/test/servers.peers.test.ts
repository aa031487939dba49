/** The adapter against servers of others: what the integration tests of `@vates/nbd-client` 3.6 expect. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createAuthority, writeFolder } from '@nbdjs/certificates';
import { commandLine, createWorkspace, describePeers, startNbdkitOverTcp } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import NbdClient, { NbdStdioClient } from '../index.ts';
import MultiNbdClient from '../multi.ts';

const chunk = 1024 * 1024;
/** Not a multiple of it. */
const fileBytes = 9.5 * chunk;

function content(): Buffer {
  const bytes = Buffer.alloc(fileBytes);
  for (let offset = 0; offset < fileBytes; offset += 4) bytes.writeUInt32BE(offset, offset);
  return bytes;
}

describePeers('@vates/nbd-client', ['nbdkit'], (generation) => {
  it('reads over several TLS connections, with a broken host and a server that is started again', async () => {
    await using workspace = createWorkspace(generation);
    const bytes = content();
    writeFileSync(workspace.hostPath('disk'), bytes);
    const authority = await createAuthority({ name: 'CN=Authority' });
    const server = await authority.issueServer({ hosts: ['localhost'] });
    writeFolder(workspace.hostPath('pki'), { authority, server });
    const certificates = `--tls-certificates=${workspace.peerPath('pki')}`;
    const args = ['--read-only', '--tls=require', certificates, 'file', workspace.peerPath('disk')];
    let nbdkit = await startNbdkitOverTcp(workspace, args);
    // The host keeps its port when its server is another one.
    const host = createServer((socket) => {
      const behind = connect(nbdkit.port, '127.0.0.1');
      for (const one of [socket, behind]) one.on('error', () => {});
      socket.pipe(behind).pipe(socket);
      socket.on('close', () => behind.destroy());
      behind.on('close', () => socket.destroy());
    }).listen(0, '127.0.0.1');
    await once(host, 'listening');
    const { port } = host.address() as AddressInfo;
    const settings = { address: '127.0.0.1', port, exportname: 'SECRET', cert: authority.certificate };
    const broken = { address: '500.500.500.500', port: 1, exportname: 'none' };
    const options = { nbdConcurrency: 4, readAhead: 2, waitBeforeReconnect: 50 };
    const client = new MultiNbdClient([settings, settings, broken], options);
    await client.connect();
    expect(client.exportSize).toBe(BigInt(fileBytes));
    let index = 0;
    const all = function* () {
      for (let one = 0; one * chunk < fileBytes; one++) yield { index: one, size: chunk };
    };
    for await (const block of client.readBlocks(all)) {
      expect(block.equals(bytes.subarray(index * chunk, (index + 1) * chunk))).toBe(true);
      if (++index !== 7) continue;
      await nbdkit.stop();
      nbdkit = await startNbdkitOverTcp(workspace, args);
    }
    expect(index).toBe(10);
    await expect(client.readBlock(100, chunk)).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    await client.disconnect();
    await client.disconnect();
    await nbdkit.stop();
    host.close();
  });

  it('verifies the server where that is asked for', async () => {
    await using workspace = createWorkspace(generation);
    const authority = await createAuthority({ name: 'CN=Authority' });
    const server = await authority.issueServer({ hosts: ['disk.example'] });
    writeFolder(workspace.hostPath('pki'), { authority, server });
    await using nbdkit = await startNbdkitOverTcp(workspace, [
      '--tls=require',
      `--tls-certificates=${workspace.peerPath('pki')}`,
      'memory',
      'size=1M',
    ]);
    const settings = { address: '127.0.0.1', port: nbdkit.port, cert: authority.certificate };
    const right = new NbdClient({ ...settings, verify: { hostname: 'disk.example' } });
    await right.connect();
    expect((await right.readBlock(0)).length).toBe(65_536);
    await right.disconnect();
    const wrong = new NbdClient({ ...settings, verify: { hostname: 'another.example' } });
    await expect(wrong.connect()).rejects.toThrow('another.example');
  });
});

describePeers('@vates/nbd-client on standard input and output', ['nbdkit'], (generation) => {
  const settings = (path: string) => {
    const [command, ...args] = commandLine('nbdkit', generation, ['--single', '--read-only', 'file', path]);
    return { command, args };
  };

  it('reads an export, and ends the program', async () => {
    await using workspace = createWorkspace(generation);
    const bytes = content();
    writeFileSync(workspace.hostPath('disk'), bytes);
    const client = new NbdStdioClient(settings(workspace.peerPath('disk')));
    await client.connect();
    const pid = client.pid as number;
    let offset = 0;
    for await (const block of client.readBlocks()) {
      expect(block.equals(bytes.subarray(offset, offset + 65_536))).toBe(true);
      offset += block.length;
    }
    expect(offset).toBe(fileBytes);
    expect((await client.getMap())[0]?.offset).toBe(0);
    await client.disconnect();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await client.disconnect();
  });

  it('starts the program again when it dies in the middle', async () => {
    await using workspace = createWorkspace(generation);
    writeFileSync(workspace.hostPath('disk'), content());
    const client = new NbdStdioClient(settings(workspace.peerPath('disk')), { waitBeforeReconnect: 10 });
    await client.connect();
    const first = client.pid as number;
    await client.readBlock(0);
    process.kill(first, 'SIGKILL');
    expect((await client.readBlock(3)).readUInt32BE(0)).toBe(3 * 65_536);
    expect(client.pid).not.toBe(first);
    await client.disconnect();
  });
});

it('says when a program cannot be started', async () => {
  const client = new NbdStdioClient({ command: '/does/not/exist' });
  await expect(client.connect()).rejects.toThrow('/does/not/exist');
  await client.disconnect();
});
