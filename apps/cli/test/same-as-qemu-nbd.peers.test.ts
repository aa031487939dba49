/** What docs/options-of-others.md says of qemu-nbd to be the same is the same for clients; so is what the better ones begin with. */
import { existsSync, readFileSync } from 'node:fs';
import {
  allocatedRanges,
  describePeers,
  makeQcow2,
  makeRawImage,
  type QemuNbdOptions,
  runPeer,
  sha256OfFile,
  startQemuNbd,
} from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd, spawnNbd } from './harness.ts';
import { answers } from './same-as.ts';
import { expectTestOfEachRow } from './same-rows.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';
import { writeTlsFolders } from './tls-folders.ts';
import { runClient } from './tls-peers.ts';
import { startServing } from './tls-serving.ts';

const mebi = 2 ** 20;

/** A test for each of them is below. */
const tried = [
  '--help',
  '--version',
  '--port=PORT',
  '--socket=PATH',
  '--persistent',
  '--description=TEXT',
  '--offset=OFFSET',
  '--allocation-depth',
  '--tls-hostname=HOSTNAME',
  '--fork',
  '--detect-zeroes=MODE',
  '--format=FORMAT',
  '--read-only',
  '--load-snapshot=SNAPSHOT_PARAM',
];

describe('qemu-nbd', () => {
  expectTestOfEachRow('qemu-nbd', tried);

  describePeers('is the same to clients', ['qemu-nbd', 'qemu-img', 'qemu-io', 'nbdinfo', 'nbdcopy'], (generation) => {
    inWorkspace(generation);

    /** What a client sees of an export that both have to have. */
    async function lookAt(uri: string) {
      const { exports } = JSON.parse(await peer('nbdinfo', '--json', uri)) as { exports: Record<string, unknown>[] };
      const [facts = {}] = exports;
      const { 'export-name': name, 'export-size': size, description, is_read_only: isReadOnly } = facts;
      await peer('nbdcopy', uri, workspace.peerPath('content'));
      const content = await sha256OfFile(workspace.hostPath('content'));
      return { name, size, description, isReadOnly, content };
    }

    /** The contexts that both are asked for. */
    const mapOf = async (context: string, uri: string): Promise<unknown> =>
      JSON.parse(await peer('nbdinfo', `--map=${context}`, '--json', uri));

    /** Serves an image by both programs, and has `look` look at them. */
    async function both<Seen>(
      theirs: QemuNbdOptions,
      ours: readonly string[],
      look: (uri: string) => Promise<Seen>,
    ): Promise<{ readonly theirs: Seen; readonly ours: Seen }> {
      const server = await startQemuNbd(workspace, theirs);
      const seen = await look(server.peerUri(theirs.exportName));
      // Both lock the image.
      await server.stop();
      const uri = await serve('--quiet', ...ours, workspace.hostPath(theirs.image));
      return { theirs: seen, ours: await look(uri(theirs.exportName)) };
    }

    function makeDisk(): void {
      makeRawImage(workspace.hostPath('disk.img'), 4 * mebi, [{ offset: mebi, length: mebi }]);
    }

    it('--help and --version', async () => {
      for (const [words, mine] of [
        [['--help'], ['serve', '--help']],
        [['-h'], ['serve', '-h']],
        [['--version'], ['--version']],
        [['-V'], ['-V']],
      ] as const) {
        const { code, stdout, stderr } = await runPeer('qemu-nbd', generation, words);
        const ran = await nbd(...mine);
        expect(ran.code).toBe(code);
        expect(answers(ran)).toEqual(answers({ code, stdout: stdout.toString(), stderr }));
      }
    });

    it('--port, and --bind of the better ones', async () => {
      makeDisk();
      const server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', tcp: true });
      const theirs = await lookAt(server.peerUri());
      await server.stop();
      // The port is free again.
      const port = server.port ?? 0;
      const words = ['--bind', '127.0.0.1', '--port', String(port), '--format', 'raw'];
      const serving = await startServing(workspace, words, workspace.hostPath('disk.img'));
      expect(await lookAt(`nbd://127.0.0.1:${port}`)).toEqual(theirs);
      await serving.end();
    });

    it('--socket, --description and --persistent', async () => {
      makeDisk();
      const twice = async (uri: string) => [await lookAt(uri), await lookAt(uri)];
      const { theirs, ours } = await both(
        { image: 'disk.img', format: 'raw', description: 'a disk', persistent: true },
        ['--format', 'raw', '-D', 'a disk', '--persistent'],
        twice,
      );
      expect(theirs[0]?.description).toBe('a disk');
      expect(ours).toEqual(theirs);
    });

    it('--offset, also one that the disk does not reach', async () => {
      makeDisk();
      const { theirs, ours } = await both(
        { image: 'disk.img', format: 'raw', extraArguments: ['-o', '1536512'] },
        ['--format', 'raw', '-o', '1536512'],
        lookAt,
      );
      expect(theirs.size).toBe(4 * mebi - 1_536_512);
      expect(ours).toEqual(theirs);
      const beyond = ['--offset', String(5 * mebi)];
      const [their, our] = ['theirs.sock', 'ours.sock'];
      const refused = await runPeer('qemu-nbd', generation, [
        ...['-f', 'raw', '-k', workspace.peerPath(their), ...beyond],
        workspace.peerPath('disk.img'),
      ]);
      const mine = await nbd('serve', '-k', workspace.socketPath(our), ...beyond, workspace.hostPath('disk.img'));
      expect([refused.code, mine.code]).toEqual([1, 1]);
    });

    it('--format and --read-only', async () => {
      await makeQcow2(workspace, 'disk.qcow2', { size: 4 * mebi, written: [{ offset: mebi, length: mebi }] });
      for (const format of ['qcow2', 'raw'] as const) {
        const image = { image: 'disk.qcow2', format };
        const { theirs, ours } = await both({ ...image, readOnly: true }, ['--format', format, '--read-only'], lookAt);
        expect([theirs.isReadOnly, theirs.size === 4 * mebi]).toEqual([true, format === 'qcow2']);
        expect(ours).toEqual(theirs);
      }
      // What is written lands in the image, where the other program finds it.
      const write = async (uri: string) => await peer('qemu-io', '-f', 'raw', '-c', 'write -P 7 2M 64k', uri);
      const image = { image: 'disk.qcow2', format: 'qcow2' } as const;
      await serve('--quiet', '--format', 'qcow2', workspace.hostPath('disk.qcow2')).then(async (uri) => write(uri()));
      await endLast();
      const { theirs, ours } = await both(image, ['--format', 'qcow2'], lookAt);
      expect([theirs.isReadOnly, ours]).toEqual([false, theirs]);
    });

    it('--allocation-depth, and --bitmap of the better ones', async () => {
      await makeQcow2(workspace, 'base.qcow2', { size: 4 * mebi, written: [{ offset: mebi, length: mebi }] });
      // By its name alone, which means the same to both programs.
      const over = ['-b', 'base.qcow2', '-F', 'qcow2', workspace.peerPath('top.qcow2')];
      await peer('qemu-img', 'create', '-q', '-f', 'qcow2', ...over);
      await peer('qemu-img', 'bitmap', '--add', '-f', 'qcow2', workspace.peerPath('top.qcow2'), 'b0');
      await peer('qemu-io', '-f', 'qcow2', '-c', 'write -P 3 3M 128k', workspace.peerPath('top.qcow2'));
      const contexts = ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:b0'];
      const { theirs, ours } = await both(
        { image: 'top.qcow2', format: 'qcow2', readOnly: true, allocationDepth: true, bitmaps: ['b0'] },
        ['--format', 'qcow2', '--read-only', '-A'],
        (uri) => Promise.all(contexts.map((context) => mapOf(context, uri))),
      );
      expect(theirs.map((map) => (map as unknown[]).length)).toEqual([5, 5, 3]);
      expect(ours).toEqual(theirs);
    });

    it.each([
      [['--discard', 'ignore']],
      [['--discard', 'unmap']],
      [['--discard', 'ignore', '--detect-zeroes', 'on']],
      [['--discard', 'unmap', '--detect-zeroes', 'on']],
      [['--discard', 'unmap', '--detect-zeroes', 'unmap']],
    ])('--detect-zeroes, and --discard of the better ones: %j', async (words) => {
      const seen: unknown[] = [];
      const run = async (uri: string): Promise<void> => {
        // The older QEMU makes a hole of what is zeroed, whatever it is told of discarding.
        const isOld = generation === 'bookworm' && words.includes('ignore');
        const zero = isOld ? 'write -z 1M 256k' : 'write -zu 1M 256k';
        const commands = ['discard 0 256k', 'write -P 0 512k 256k', zero, 'write -P 0 3M 64k'];
        await peer('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri);
        const content = await sha256OfFile(workspace.hostPath('disk.img'));
        seen.push({ content, areas: await allocatedRanges(workspace, 'disk.img') });
      };
      for (const program of ['theirs', 'ours']) {
        // The last MiB is a hole before.
        makeRawImage(workspace.hostPath('disk.img'), 4 * mebi, [{ offset: 0, length: 3 * mebi }]);
        if (program === 'theirs') {
          const server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', extraArguments: words });
          await run(server.peerUri());
          await server.stop();
        } else {
          const uri = await serve('--quiet', '--format', 'raw', ...words, workspace.hostPath('disk.img'));
          await run(uri());
        }
      }
      expect(seen[1]).toEqual(seen[0]);
    });

    it('--load-snapshot, and --snapshot of the better ones', async () => {
      const path = workspace.peerPath('disk.qcow2');
      await makeQcow2(workspace, 'disk.qcow2', { size: 4 * mebi, written: [{ offset: 0, length: mebi }] });
      await peer('qemu-img', 'snapshot', '-c', 'before', path);
      await peer('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 2M', path);
      const image = { image: 'disk.qcow2', format: 'qcow2' } as const;
      for (const name of ['before', '1']) {
        const { theirs, ours } = await both(
          { ...image, extraArguments: ['-l', name] },
          ['--format', 'qcow2', '--snapshot-name', name],
          lookAt,
        );
        expect(theirs.isReadOnly).toBe(true);
        expect(ours).toEqual(theirs);
      }
      const before = readFileSync(workspace.hostPath('disk.qcow2'));
      const { theirs, ours } = await both(
        { ...image, extraArguments: ['--snapshot'] },
        ['--format', 'qcow2', '--snapshot'],
        async (uri) => {
          await peer('qemu-io', '-f', 'raw', '-c', 'write -P 5 1M 64k', uri);
          return await lookAt(uri);
        },
      );
      expect(ours).toEqual(theirs);
      expect(readFileSync(workspace.hostPath('disk.qcow2')).equals(before)).toBe(true);
    });

    it('--tls-hostname, and --tls-creds of the better ones', async () => {
      writeTlsFolders(workspace);
      const socket = ['--socket', workspace.socketPath('tls')];
      const serving = await startServing(workspace, [...socket, '--tls-certificates', '@good']);
      for (const [hostname, isRight] of [
        ['storage.example', true],
        ['elsewhere.example', false],
      ] as const) {
        const theirs = await runClient('qemu-nbd', workspace, { socket: 'tls' }, { folder: 'good', hostname });
        const trust = ['--tls-certificates', workspace.hostPath('good'), '--tls-hostname', hostname];
        const ours = await nbd('info', '--list', ...trust, `nbds+unix:///?socket=${workspace.socketPath('tls')}`);
        expect([theirs.code, ours.code]).toEqual(isRight ? [0, 0] : [1, 1]);
      }
      await serving.end();
      // And a server of theirs, with the same folder.
      const object = `tls-creds-x509,id=tls0,endpoint=server,verify-peer=no,dir=${workspace.peerPath('good')}`;
      makeDisk();
      const server = await startQemuNbd(workspace, {
        image: 'disk.img',
        format: 'raw',
        extraArguments: ['--object', object, '--tls-creds=tls0'],
      });
      const words = ['--size', '--tls-certificates', workspace.hostPath('good'), '--tls-hostname', 'storage.example'];
      expect(await nbd('info', ...words, server.uri().replace('nbd+unix', 'nbds+unix'))).toMatchObject({
        code: 0,
        stdout: `${4 * mebi}\n`,
      });
      await server.stop();
    });

    // One generation: each start of ours takes two starts of Node.
    const itOnce = generation === 'bookworm' ? it : () => {};
    itOnce('--fork', { tags: ['slow'] }, async () => {
      makeDisk();
      for (const [name, image, run] of [
        [
          'theirs',
          workspace.peerPath('disk.img'),
          (words: readonly string[]) => runPeer('qemu-nbd', generation, words),
        ],
        [
          'ours',
          workspace.hostPath('disk.img'),
          (words: readonly string[]) => spawnNbd(['serve', '--quiet', ...words]),
        ],
      ] as const) {
        const isTheirs = name === 'theirs';
        const path = (file: string): string => (isTheirs ? workspace.peerPath(file) : workspace.hostPath(file));
        const place = ['--socket', path(`${name}.sock`), '--pid-file', path(`${name}.pid`)];
        const { code, stdout, stderr } = await run(['--fork', '--persistent', '--format', 'raw', ...place, image]);
        const pid = Number(readFileSync(workspace.hostPath(`${name}.pid`), 'utf8'));
        try {
          expect({ name, code, output: stdout.toString(), stderr }).toEqual({ name, code: 0, output: '', stderr: '' });
          const uri = `nbd+unix:///?socket=${workspace.peerPath(`${name}.sock`)}`;
          expect(await peer('nbdinfo', '--size', uri)).toBe(`${4 * mebi}\n`);
        } finally {
          process.kill(pid, 'SIGTERM');
        }
        await expect.poll(() => existsSync(workspace.hostPath(`${name}.sock`)), { timeout: 4000 }).toBe(false);
      }
    });

    it('--pid-file of the better ones is gone at the end', async () => {
      const file = workspace.hostPath('nbd.pid');
      await serve('--quiet', '--pid-file', file, 'memory:1M');
      await expect.poll(() => existsSync(file)).toBe(true);
      expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
      expect(await endLast()).toMatchObject({ code: 0 });
      expect(existsSync(file)).toBe(false);
    });

    it('--export-name of the better ones: the name, no name and no other', async () => {
      makeDisk();
      const uri = await serve('--quiet', '--format', 'raw', '-x', 'disk', workspace.hostPath('disk.img'));
      const server = await startQemuNbd(workspace, {
        image: 'disk.img',
        format: 'raw',
        exportName: 'disk',
        readOnly: true,
      });
      const codes = async (uriOf: (name: string) => string) => {
        const runs = ['disk', '', 'other'].map((name) => runPeer('nbdinfo', generation, ['--size', uriOf(name)]));
        return (await Promise.all(runs)).map(({ code }) => code);
      };
      expect(await codes((name) => server.peerUri(name))).toEqual([0, 1, 1]);
      expect(await codes(uri)).toEqual([0, 0, 1]);
      await server.stop();
    });
  });
});
