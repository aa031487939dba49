import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createWorkspace,
  describePeers,
  type Generation,
  generationsWith,
  makeRawImage,
  type PeerServer,
  type Program,
  runPeer,
  startNbdkit,
  startNbdkitOverTcp,
  startNbdServer,
  startQemuNbd,
  type Workspace,
} from '../src/index.ts';
import { eventually, isRunning, processesWith } from './support/processes.ts';

const size = 1024 * 1024;

let workspace: Workspace;

function inWorkspace(generation: Generation): void {
  beforeEach(() => {
    workspace = createWorkspace(generation);
    makeRawImage(workspace.hostPath('disk'), size, [{ offset: 4096, length: 8192 }]);
  });
  afterEach(() => workspace.dispose());
}

/** The URI of an export for clients of a generation; what is a path to us is none inside of the chroot. */
function uriFor(generation: Generation, server: PeerServer, exportName: string): string {
  return generation === 'trixie' ? server.peerUri(exportName) : server.uri(exportName);
}

/** What nbdinfo of a generation says about the size of an export, of a server that may be of the other. */
async function sizeByNbdinfo(generation: Generation, server: PeerServer, exportName: string): Promise<string> {
  const args = ['--size', uriFor(generation, server, exportName)];
  const { code, stdout, stderr } = await runPeer('nbdinfo', generation, args);
  return code === 0 ? stdout.toString().trim() : stderr;
}

/** The same from a client that uses the export. */
async function sizeInUse(generation: Generation, server: PeerServer, exportName: string): Promise<string> {
  const args = ['-u', uriFor(generation, server, exportName), '-c', 'print(h.get_size())'];
  const { code, stdout, stderr } = await runPeer('nbdsh', generation, args);
  return code === 0 ? stdout.toString().trim() : stderr;
}

/** The generations whose clients are there and can reach a server: those in the chroot see no socket outside of it. */
function clientsOf({ generation, port }: PeerServer): readonly Generation[] {
  const isForAll = generation === 'trixie' || port !== undefined;
  return generationsWith(['nbdinfo', 'nbdsh']).filter((client) => isForAll || client === generation);
}

const servers: readonly [Program, string, (tcp: boolean) => Promise<PeerServer>][] = [
  ['qemu-nbd', 'disk', (tcp) => startQemuNbd(workspace, { image: 'disk', format: 'raw', exportName: 'disk', tcp })],
  [
    'nbdkit',
    'disk',
    (tcp) =>
      startNbdkit(workspace, { filters: ['cow'], plugin: 'file', parameters: [workspace.peerPath('disk')], tcp }),
  ],
  ['nbd-server', 'disk', (tcp) => startNbdServer(workspace, [{ name: 'disk', image: 'disk', flush: true }], { tcp })],
];

describePeers('every server', ['qemu-nbd', 'nbdkit', 'nbd-server', 'nbdinfo', 'nbdsh'], (generation) => {
  inWorkspace(generation);

  describe.each(servers)('%s', (program, exportName, start) => {
    it.each([
      ['a Unix socket', false],
      ['TCP', true],
    ])('serves clients of both generations on %s, and leaves nothing behind', async (_, tcp) => {
      const filesBefore = readdirSync(workspace.folder);
      const server = await start(tcp);
      expect(server.port === undefined).toBe(!tcp);
      expect(existsSync(server.socketPath)).toBe(!tcp);
      expect(processesWith(basename(workspace.folder))).toContain(server.pid);
      // Twice, since some servers would end with their first client.
      for (const client of [...clientsOf(server), ...clientsOf(server)]) {
        // The newer nbdinfo asks by INFO, and nbd-server always answers that with 0.
        const isUntold = program === 'nbd-server' && client === 'trixie';
        expect(await sizeByNbdinfo(client, server, exportName)).toBe(isUntold ? '0' : String(size));
        expect(await sizeInUse(client, server, exportName)).toBe(String(size));
      }
      expect(isRunning(server.pid)).toBe(true);
      await server.stop();
      await server.stop();
      expect(processesWith(basename(workspace.folder))).toEqual([]);
      expect(isRunning(server.pid)).toBe(false);
      const filesAfter = readdirSync(workspace.folder).filter((name) => !name.endsWith('.conf'));
      expect(filesAfter).toEqual(filesBefore);
    });

    it('tells when it has been killed, and the processes for its clients end with it', async () => {
      const server = await start(false);
      const client = connect(server.socketPath);
      const closed = new Promise((resolve) => client.on('close', resolve));
      client.on('error', () => {});
      await new Promise((resolve) => client.once('data', resolve));
      expect(isRunning(server.pid)).toBe(true);
      server.kill('SIGKILL');
      const { code, signal } = await server.exited;
      expect(code).toBeNull();
      // A daemon is no child of ours, so we are not notified of its end.
      expect(signal).toBe(program === 'nbd-server' && generation === 'bookworm' ? null : 'SIGKILL');
      await closed;
      expect(await eventually(() => processesWith(basename(workspace.folder)).length === 0)).toBe(true);
      await server.stop();
    });

    it('is stopped even while it does not run', async () => {
      const server = await start(false);
      server.kill('SIGSTOP');
      await server.stop();
      expect(processesWith(basename(workspace.folder))).toEqual([]);
    });
  });

  it('says why it does not start', async () => {
    const image = { image: 'missing', format: 'raw' } as const;
    await expect(startQemuNbd(workspace, image)).rejects.toThrow(/qemu-nbd .* does not start: .*No such file/s);
    await expect(startNbdkit(workspace, ['no-such-plugin'])).rejects.toThrow(/nbdkit .*no-such-plugin/s);
    expect(processesWith(basename(workspace.folder))).toEqual([]);
  });

  it('nbdkit is started by its arguments, on TCP too', async () => {
    await using unix = await startNbdkit(workspace, ['memory', '1M']);
    await using tcp = await startNbdkitOverTcp(workspace, ['memory', '1M']);
    for (const server of [unix, tcp]) expect(await sizeByNbdinfo('bookworm', server, '')).toBe(String(size));
  });

  it('qemu-nbd waits for its one and only client', async () => {
    const options = { image: 'disk', format: 'raw', shared: 1, persistent: false } as const;
    const server = await startQemuNbd(workspace, options);
    expect(isRunning(server.pid)).toBe(true);
    expect(await sizeByNbdinfo('bookworm', server, '')).toBe(String(size));
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await server.stop();
  });

  it('keeps what a server complains about', async () => {
    await using server = await startNbdkit(workspace, { options: ['--verbose'], plugin: 'memory', parameters: ['1M'] });
    expect(await eventually(() => server.stderr.includes('nbdkit: debug'))).toBe(true);
  });

  it('nbd-server lists its exports by default', async () => {
    const exports = [
      { name: 'a', image: 'disk' },
      { name: 'b', image: 'disk', readOnly: true, lines: ['fua = true'] },
    ];
    await using open = await startNbdServer(workspace, exports);
    await using shut = await startNbdServer(workspace, exports, { allowList: false });
    const list = await runPeer('nbdinfo', generation, ['--list', open.peerUri()]);
    expect(list.stdout.toString()).toMatch(/export="a".*export="b"/s);
    expect((await runPeer('nbdinfo', generation, ['--list', shut.peerUri()])).code).not.toBe(0);
    expect((await runPeer('nbdinfo', generation, ['--is', 'read-only', open.peerUri('b')])).code).toBe(0);
    expect((await runPeer('nbdinfo', generation, ['--is', 'read-only', open.peerUri('a')])).code).toBe(2);
  });
});

describePeers('a workspace', ['nbdcopy', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  it('is one folder to both sides, and goes', async () => {
    writeFileSync(workspace.hostPath('in'), new Uint8Array(size).fill(7));
    await using server = await startNbdkit(workspace, ['memory', '1M']);
    const copy = await runPeer('nbdcopy', generation, [workspace.peerPath('in'), server.peerUri()]);
    expect(copy).toMatchObject({ code: 0, stderr: '' });
    await server.stop();
    workspace.dispose();
    expect(existsSync(workspace.folder)).toBe(false);
  });

  it('refuses paths that no socket can have', () => {
    expect(() => workspace.socketPath('s'.repeat(100))).toThrow(/too long for a socket/);
  });
});
