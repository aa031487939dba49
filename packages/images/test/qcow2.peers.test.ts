/** @module-tag slow */
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  change,
  create,
  depthsOf,
  firstDifference,
  openImage,
  ourMap,
  qemu,
  qemuDepths,
  qemuMap,
  randomChanges,
  rawDisk,
  readDisk,
  seededRandom,
  withoutDepth,
} from './support/qemu-images.ts';

let workspace: Workspace;

/** Equal, byte for byte, in one piece and in pieces that cross clusters; and the same map. */
async function expectSame(name: string): Promise<void> {
  const expected = await rawDisk(workspace, name);
  const device = await openImage(workspace, name);
  try {
    expect(firstDifference(await readDisk(device, 2 ** 20), expected), 'in large pieces').toBeUndefined();
    expect(firstDifference(await readDisk(device, 7777), expected), 'in small pieces').toBeUndefined();
    const map = await ourMap(device);
    expect(withoutDepth(map)).toEqual(withoutDepth(await qemuMap(workspace, name)));
    // By NBD: behind the end of a shorter image below, qemu-img does not say which image the zeroes belong to, and qemu-nbd does.
    expect(depthsOf(map)).toEqual(await qemuDepths(workspace, name));
  } finally {
    await device.close();
  }
}

const clusterSizes = [512, 4096, 65_536, 2 ** 21];
const refcountBits = [16, 1, 8, 32, 64];

/** Disks that are no multiple of their clusters. */
const sizeOf = (clusterBytes: number): number => Math.max(2 ** 20, 24 * clusterBytes) + 1536;

interface Combination {
  readonly clusterBytes: number;
  readonly options: Readonly<Record<string, string | number>>;
}

const combinations: readonly Combination[] = clusterSizes.flatMap((clusterBytes, row) => {
  const common = { cluster_size: clusterBytes };
  const newer = { ...common, compat: '1.1', refcount_bits: refcountBits[(row + 1) % refcountBits.length] ?? 16 };
  const zstd = {
    ...newer,
    compression_type: 'zstd',
    refcount_bits: refcountBits[(row + 2) % refcountBits.length] ?? 16,
  };
  const all = [{ ...common, compat: '0.10' }, newer, { ...zstd, lazy_refcounts: 'on' }];
  const extended = [
    { ...newer, extended_l2: 'on' },
    { ...zstd, extended_l2: 'on' },
  ];
  return [...all, ...(clusterBytes >= 16_384 ? extended : [])].map((options) => ({ clusterBytes, options }));
});

describePeers('qcow2 images of QEMU', ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'], (generation) => {
  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  it.each(combinations)('are read as QEMU reads them: $options', async ({ clusterBytes, options }) => {
    const bytes = sizeOf(clusterBytes);
    await create(workspace, 'q', options, bytes);
    const seed = clusterBytes + JSON.stringify(options).length;
    await change(workspace, 'q', randomChanges(seed, { bytes, clusterBytes, canCompress: true }));
    await expectSame('q');
  });

  it.each([
    [1, 'off'],
    [2, 'on'],
    [3, 'off'],
    [3, 'on'],
  ])('lie over %i others of other sizes, extended L2 %s', async (depth, extended) => {
    const clusterBytes = extended === 'on' ? 32_768 : 4096;
    const sizes = [2 ** 20 + 512, 2 ** 21, 2 ** 19, 3 * 2 ** 20 + 1024];
    await create(workspace, 'q0', { cluster_size: clusterBytes }, sizes[0]);
    await change(workspace, 'q0', randomChanges(1, { bytes: sizes[0] ?? 0, clusterBytes, canCompress: true }));
    for (let level = 1; level <= depth; level++) {
      const bytes = sizes[level] ?? 0;
      const below = { backing_file: workspace.peerPath(`q${level - 1}`), backing_fmt: 'qcow2' };
      await create(workspace, `q${level}`, { cluster_size: clusterBytes, extended_l2: extended, ...below }, bytes);
      const changes = randomChanges(level + 1, { bytes, clusterBytes, canCompress: true });
      await change(workspace, `q${level}`, changes.slice(-12));
    }
    await expectSame(`q${depth}`);
  });

  it('lie over a raw disk', async () => {
    await qemu(workspace, 'qemu-img', ['create', '-q', '-f', 'raw', workspace.peerPath('raw'), '1000448']);
    await qemu(workspace, 'qemu-io', ['-f', 'raw', '-c', 'write -P 7 1024 999424', workspace.peerPath('raw')]);
    const below = { backing_file: workspace.peerPath('raw'), backing_fmt: 'raw' };
    await create(workspace, 'q', { cluster_size: 4096, ...below }, 2 ** 20);
    await change(workspace, 'q', ['write -P 9 8192 12288', 'write -z 65536 8192']);
    const device = await openImage(workspace, 'q');
    expect(firstDifference(await readDisk(device, 10_000), await rawDisk(workspace, 'q'))).toBeUndefined();
    await device.close();
  });

  it.each([
    ['on', 'off'],
    ['off', 'off'],
    ['off', 'on'],
  ])('have their data in another file: raw %s, extended L2 %s', async (raw, extended) => {
    const bytes = sizeOf(65_536);
    const data = { data_file: workspace.peerPath('data'), data_file_raw: raw, extended_l2: extended };
    await create(workspace, 'q', data, bytes);
    await change(workspace, 'q', randomChanges(11, { bytes, clusterBytes: 65_536, canCompress: false }));
    await expectSame('q');
    const device = await openImage(workspace, 'q');
    expect(device.image.dataFiles).toEqual([{ name: workspace.peerPath('data'), format: 'raw' }]);
    await device.close();
  });

  it('have snapshots, found by id and by name, of disks of other sizes', async () => {
    const bytes = sizeOf(4096);
    const path = workspace.peerPath('q');
    await create(workspace, 'q', { cluster_size: 4096 }, bytes);
    await change(workspace, 'q', randomChanges(3, { bytes, clusterBytes: 4096, canCompress: true }));
    await qemu(workspace, 'qemu-img', ['snapshot', '-c', 'first', path]);
    await change(workspace, 'q', randomChanges(4, { bytes, clusterBytes: 4096, canCompress: false }));
    await qemu(workspace, 'qemu-img', ['snapshot', '-c', 'second', path]);
    await change(workspace, 'q', randomChanges(5, { bytes, clusterBytes: 4096, canCompress: false }));
    await expectSame('q');
    for (const [name, key] of [
      ['first', '1'],
      ['second', 'second'],
    ] as const) {
      const expected = await rawDisk(workspace, 'q', '-l', `snapshot.name=${name}`);
      const device = await openImage(workspace, 'q', { snapshot: key });
      expect(firstDifference(await readDisk(device, 10_000), expected), name).toBeUndefined();
      expect(device.image.snapshots).toMatchObject([
        { id: '1', name: 'first', virtualBytes: BigInt(bytes), machineStateBytes: 0n },
        { id: '2', name: 'second' },
      ]);
      await device.close();
    }
    await expect(openImage(workspace, 'q', { snapshot: 'third' })).rejects.toThrow(
      "the image has no snapshot 'third'; it has 'first', 'second'",
    );
  });

  it('have compressed clusters of random bytes beside each other', async () => {
    const random = seededRandom(5);
    const { writeFileSync } = await import('node:fs');
    const bytes = Uint8Array.from({ length: 3 * 2 ** 20 }, (_, at) =>
      at % 4096 < 2500 ? Math.floor(random() * 256) : 0,
    );
    writeFileSync(workspace.hostPath('raw'), bytes);
    for (const type of ['zlib', 'zstd']) {
      const paths = [workspace.peerPath('raw'), workspace.peerPath(type)];
      const args = ['-f', 'raw', '-O', 'qcow2', '-c', '-o', `compression_type=${type}`];
      await qemu(workspace, 'qemu-img', ['convert', ...args, ...paths]);
      const device = await openImage(workspace, type);
      expect(firstDifference(await readDisk(device, 2 ** 20), bytes), type).toBeUndefined();
      expect(firstDifference(await readDisk(device, 5000), bytes), type).toBeUndefined();
      await device.close();
    }
  });

  it('report their bitmaps', async () => {
    await create(workspace, 'q', { cluster_size: 4096 }, 64 * 2 ** 20);
    const path = workspace.peerPath('q');
    for (const args of [
      ['b0', '-g', '65536'],
      ['b1', '-g', '512'],
      ['off', '--disable', '-g', '65536'],
    ]) {
      const [name = '', ...rest] = args;
      await qemu(workspace, 'qemu-img', ['bitmap', '-f', 'qcow2', '--add', ...rest, path, name]);
    }
    await change(workspace, 'q', ['write 100000 1', 'write 1M 3M', 'write -z 40M 512']);
    const device = await openImage(workspace, 'q');
    const facts = (name: string, granularityBytes: number, isAuto: boolean) => ({
      name,
      granularityBytes,
      isAuto,
      inUse: false,
    });
    expect(device.image.bitmaps).toEqual([
      facts('b0', 65_536, true),
      facts('b1', 512, true),
      facts('off', 65_536, false),
    ]);
    const dirty = async (name: string): Promise<readonly (readonly [bigint, bigint])[]> => {
      const [answer] = await device.blockStatus(0, 64 * 2 ** 20, { contexts: [`qemu:dirty-bitmap:${name}`] });
      return (answer?.extents ?? []).filter((one) => one.status === 1n).map((one) => [one.offset, one.length] as const);
    };
    const mebi = 2n ** 20n;
    expect(await dirty('b0')).toEqual([
      [65_536n, 65_536n],
      [mebi, 3n * mebi],
      [40n * mebi, 65_536n],
    ]);
    expect(await dirty('b1')).toEqual([
      [99_840n, 512n],
      [mebi, 3n * mebi],
      [40n * mebi, 512n],
    ]);
    expect(await dirty('off')).toEqual([]);
    await device.close();
  });

  it.each([
    [{ 'encrypt.format': 'luks', 'encrypt.key-secret': 's' }, 'encrypted with LUKS'],
    [{ 'encrypt.format': 'aes', 'encrypt.key-secret': 's' }, "encrypted with qcow2's own AES"],
  ])('are refused in words: %j', async (options, message) => {
    const list = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    const secret = ['--object', 'secret,id=s,data=geheim'];
    await qemu(workspace, 'qemu-img', [
      'create',
      '-q',
      ...secret,
      '-f',
      'qcow2',
      ...list,
      workspace.peerPath('q'),
      '1M',
    ]);
    await expect(openImage(workspace, 'q')).rejects.toThrow(message);
  });
});
