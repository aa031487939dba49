/** `nbd map` beside nbdinfo and qemu-img. */
import { describePeers, makeQcow2, makeRawImage, runPeer, startNbdServer, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

describePeers('nbd map', ['qemu-nbd', 'qemu-img', 'qemu-io', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  async function serveChain() {
    await makeQcow2(workspace, 'base.qcow2', { size: 64 * mebi, written: [{ offset: mebi, length: 2 * mebi }] });
    await makeQcow2(workspace, 'top.qcow2', {
      backing: { image: 'base.qcow2', format: 'qcow2' },
      bitmaps: ['b0'],
      written: [
        { offset: 2 * mebi, length: 65536 },
        { offset: 40 * mebi, length: 3 * mebi },
      ],
    });
    return startQemuNbd(workspace, {
      image: 'top.qcow2',
      format: 'qcow2',
      bitmaps: ['b0'],
      allocationDepth: true,
      readOnly: true,
    });
  }

  it.each(['base:allocation', 'qemu:dirty-bitmap:b0', 'qemu:allocation-depth'])(
    '--list and --totals print what nbdinfo prints of %s',
    async (context) => {
      const server = await serveChain();
      for (const [mine, theirs] of [
        [['--list'], []],
        [['--totals'], ['--totals']],
        [
          ['--totals', '--json'],
          ['--totals', '--json'],
        ],
      ]) {
        const ours = await nbd('map', '--context', context, ...(mine ?? []), server.uri());
        const other = await runPeer('nbdinfo', generation, [`--map=${context}`, ...(theirs ?? []), server.peerUri()]);
        expect(ours).toEqual({ code: 0, stderr: '', stdout: other.stdout.toString() });
      }
    },
  );

  it('shows a snapshot inside of an image, and says which', async () => {
    const written = [{ offset: 2 * mebi, length: 2 * mebi }];
    await makeQcow2(workspace, 'disk.qcow2', { size: 16 * mebi, written });
    const image = workspace.peerPath('disk.qcow2');
    await runPeer('qemu-img', generation, ['snapshot', '-c', 'monday', image]);
    await runPeer('qemu-io', generation, ['-f', 'qcow2', '-c', 'write -q 8M 1M', image]);
    const file = workspace.hostPath('disk.qcow2');
    const before = (await nbd('map', '--snapshot-name', 'monday', file)).stdout;
    expect(before).toMatch(/^.*disk\.qcow2, snapshot monday {2}16\.0 MiB\n/);
    expect(before).toMatch(/data +2\.00 MiB/);
    expect((await nbd('map', file)).stdout).toMatch(/data +3\.00 MiB/);
    expect((await nbd('map', '--snapshot-name', 'monday', '--svg', '-', file)).stdout).toContain(', snapshot monday<');
  });

  it('--json has the members of nbdinfo and those of qemu-img map', async () => {
    const server = await serveChain();
    const mine = JSON.parse((await nbd('map', '--json', server.uri())).stdout) as Record<string, unknown>[];
    const info = await runPeer('nbdinfo', generation, ['--map', '--json', server.peerUri()]);
    expect(mine.map(({ offset, length, type, description }) => ({ offset, length, type, description }))).toEqual(
      JSON.parse(info.stdout.toString()),
    );
    const map = await runPeer('qemu-img', generation, ['map', '--output=json', '-f', 'raw', server.peerUri()]);
    const known = (JSON.parse(map.stdout.toString()) as Record<string, unknown>[]).map(
      ({ compressed: _compressed, ...members }) => members,
    );
    expect(
      mine.map(({ start, length, depth, present, zero, data, offset }) => {
        return { start, length, depth, present, zero, data, offset };
      }),
    ).toEqual(known);
  });

  it('draws the layers of a chain and its bitmap beside each other', async () => {
    const server = await serveChain();
    const options = ['qemu:allocation-depth', 'qemu:dirty-bitmap:b0'].flatMap((context) => ['--context', context]);
    const { stdout } = await nbd('map', ...options, server.uri());
    expect(stdout).toContain('qemu:allocation-depth');
    // 256 KiB in each cell: layer 2 from 1 MiB on, and the top layer over a quarter of one cell.
    expect(stdout).toContain(`       0  ....22222222${'.'.repeat(20)}  ........:${'.'.repeat(23)}\n`);
    expect(stdout).toContain('  2 backing depth 2  1.94 MiB    3.0 %  2 extents\n');
    expect(stdout).toContain('  # dirty            3.06 MiB    4.8 %  2 extents\n');
  });
});

describePeers('a server without block status', ['nbd-server'], (generation) => {
  inWorkspace(generation);

  it('is an error in one line', async () => {
    makeRawImage(workspace.hostPath('disk.img'), mebi, []);
    const server = await startNbdServer(workspace, [{ name: 'disk', image: 'disk.img' }]);
    const { code, stdout, stderr } = await nbd('map', server.uri('disk'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^nbd: .*there is no metadata context "base:allocation"\n$/);
  });
});
