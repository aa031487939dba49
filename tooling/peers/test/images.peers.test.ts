import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  allocatedBytes,
  allocatedRanges,
  createWorkspace,
  describePeers,
  makeQcow2,
  makeRawImage,
  qcow2WrittenByte,
  runPeer,
  sha256OfFile,
  startQemuNbd,
  type Workspace,
} from '../src/index.ts';

const kibi = 1024;
const mebi = 1024 * kibi;
const areas = [
  { offset: 64 * kibi, length: 128 * kibi },
  { offset: 2 * mebi, length: 64 * kibi },
];

let workspace: Workspace;

describePeers('images', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'], (generation) => {
  beforeEach(() => {
    workspace = createWorkspace(generation);
    makeRawImage(workspace.hostPath('raw'), 4 * mebi, areas);
  });
  afterEach(() => workspace.dispose());

  it('are the same in every run, with holes where nothing was asked for', async () => {
    const path = workspace.hostPath('raw');
    makeRawImage(workspace.hostPath('again'), 4 * mebi, areas);
    makeRawImage(workspace.hostPath('other'), 4 * mebi, areas, 2);
    const hash = await sha256OfFile(path);
    expect(hash).toBe('ef9ae4b889bad087255ae0a8cc88c62c268e803ce3a67d2241dba03b6c04e438');
    expect(await sha256OfFile(workspace.hostPath('again'))).toBe(hash);
    expect(await sha256OfFile(workspace.hostPath('other'))).not.toBe(hash);
    expect(statSync(path).size).toBe(4 * mebi);
    expect(allocatedBytes(path)).toBe(192 * kibi);
    expect(await allocatedRanges(workspace, 'raw')).toEqual(areas);
    expect(
      readFileSync(path)
        .subarray(0, 64 * kibi)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  it('become qcow2 with the same content', async () => {
    await makeQcow2(workspace, 'q', { from: 'raw' });
    expect(await allocatedRanges(workspace, 'q', 'qcow2')).toEqual(areas);
    const [raw, qcow2] = [workspace.peerPath('raw'), workspace.peerPath('q')];
    expect((await runPeer('qemu-img', generation, ['compare', raw, qcow2])).code).toBe(0);
  });

  it('lie over others', async () => {
    const written = [{ offset: mebi, length: 64 * kibi }];
    await makeQcow2(workspace, 'top', { backing: { image: 'raw', format: 'raw' }, written });
    expect(await allocatedRanges(workspace, 'top', 'qcow2')).toEqual([areas[0], written[0], areas[1]]);
    await using server = await startQemuNbd(workspace, { image: 'top', format: 'qcow2', allocationDepth: true });
    const map = ['--map=qemu:allocation-depth', '--json', server.peerUri()];
    const depths = JSON.parse((await runPeer('nbdinfo', generation, map)).stdout.toString());
    // A raw image is allocated as a whole, holes and all.
    expect(depths).toMatchObject([
      { offset: 0, length: mebi, type: 2 },
      { offset: mebi, length: 64 * kibi, type: 1 },
      { offset: mebi + 64 * kibi, length: 3 * mebi - 64 * kibi, type: 2 },
    ]);
    const out = await runPeer('nbdcopy', generation, [server.peerUri(), '-']);
    expect(out.stdout.subarray(mebi, mebi + 64 * kibi).every((byte) => byte === qcow2WrittenByte)).toBe(true);
  });

  it('have bitmaps of what was written', async () => {
    const written = [{ offset: 512 * kibi, length: 64 * kibi }];
    await makeQcow2(workspace, 'q', { size: 4 * mebi, bitmaps: ['b0', 'b1'], written });
    const options = { image: 'q', format: 'qcow2', readOnly: true, bitmaps: ['b0', 'b1'] } as const;
    await using server = await startQemuNbd(workspace, options);
    const map = ['--map=qemu:dirty-bitmap:b1', '--json', server.peerUri()];
    const dirty = JSON.parse((await runPeer('nbdinfo', generation, map)).stdout.toString()) as { type: number }[];
    expect(dirty.filter(({ type }) => type === 1)).toMatchObject([written[0]]);
  });

  it('say when they cannot be made', async () => {
    await expect(makeQcow2(workspace, 'q', {})).rejects.toThrow(/qemu-img create .* failed/);
    await expect(makeQcow2(workspace, 'q', { size: mebi, written: [{ offset: mebi, length: 512 }] })).rejects.toThrow();
  });
});
