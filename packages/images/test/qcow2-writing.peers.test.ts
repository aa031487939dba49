/** @module-tag slow */
import type { BlockDevice } from '@nbdjs/interfaces';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { openFileDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeCodecs } from '../src/node/index.ts';
import { checkQcow2, createQcow2, openWritableQcow2, type Qcow2Shape } from '../src/qcow2/index.ts';
import { compareWithModel, DiskModel, randomOperation } from './support/disk-model.ts';
import {
  change,
  create,
  firstDifference,
  openImage,
  qemu,
  randomChanges,
  rawDisk,
  readDisk,
} from './support/qemu-images.ts';

let workspace: Workspace;
const size = 2 ** 21 + 512;

async function openForWriting(name: string) {
  const file = await openFileDevice(workspace.hostPath(name));
  const resolve = async ({
    kind,
    name: other,
    format,
  }: {
    kind: string;
    name: string;
    format?: string | undefined;
  }) => {
    const inFolder = other.slice(other.lastIndexOf('/') + 1);
    if (format === 'qcow2') return openImage(workspace, inFolder);
    return openFileDevice(workspace.hostPath(inFolder), { readOnly: kind !== 'data' });
  };
  return openWritableQcow2(file, { codecs: nodeCodecs, resolve });
}

/** The disk as it is in an image, as the beginning of a model. */
async function modelOf(name: string): Promise<DiskModel> {
  const device = await openImage(workspace, name);
  const model = new DiskModel(Number(device.geometry.size));
  model.bytes.set(await readDisk(device, 2 ** 20));
  await device.close();
  return model;
}

/** We change an image at random, QEMU finds it right, changes it in its turn, and we find that right. */
async function changeInTurns(name: string, clusterBytes: number): Promise<void> {
  const model = await modelOf(name);
  const random = seededRandom(clusterBytes);
  const device = await openForWriting(name);
  for (let step = 0; step < 30; step++) {
    await Promise.all([0, 1, 2, 3].map((lane) => randomOperation(device, model, random, { lane, lanes: 4 })));
    if (step % 8 === 0) await device.flush();
  }
  await compareWithModel(device, model);
  await device.close();
  await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath(name)]);
  await expectClean(name);
  expect(firstDifference(await rawDisk(workspace, name), model.bytes), 'as QEMU reads it').toBeUndefined();
  await change(workspace, name, randomChanges(clusterBytes, { bytes: model.size, clusterBytes, canCompress: false }));
  const expected = await rawDisk(workspace, name);
  const again = await openForWriting(name);
  expect(firstDifference(await readDisk(again, 100_000), expected), 'as we read it').toBeUndefined();
  await again.close();
  await expectClean(name);
}

async function expectClean(name: string): Promise<void> {
  const file = await openFileDevice(workspace.hostPath(name), { readOnly: true });
  expect(await checkQcow2(file)).toMatchObject({ corruptions: 0, leaks: 0, findings: [] });
  await file.close();
}

type Shape = Omit<Qcow2Shape, 'size'>;

const shapes: readonly Shape[] = [
  {},
  { version: '2', clusterBytes: 512 },
  { clusterBytes: 512, refcountBits: 64 },
  { clusterBytes: 4096, refcountBits: 1, lazyRefcounts: true },
  { clusterBytes: 16_384, extendedL2: true, refcountBits: 8 },
  { clusterBytes: 2 ** 18, extendedL2: true, compression: 'zstd' },
];

describePeers('qcow2 images that we write', ['qemu-img', 'qemu-io'], (generation) => {
  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  it.each(shapes)('are created and changed as QEMU expects: %j', async (shape) => {
    const file = await openFileDevice(workspace.hostPath('q'), { size: 0, create: true });
    await createQcow2(file, { size, ...shape });
    await file.close();
    await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath('q')]);
    await changeInTurns('q', shape.clusterBytes ?? 65_536);
  });

  it.each(['0.10', '1.1'])(
    'may have compressed clusters, snapshots, and an image below: version %s',
    async (compat) => {
      const clusterBytes = 4096;
      await create(workspace, 'below', { cluster_size: 65_536 }, 2 ** 20 + 512);
      await change(
        workspace,
        'below',
        randomChanges(5, { bytes: 2 ** 20 + 512, clusterBytes: 65_536, canCompress: true }),
      );
      const below = { backing_file: workspace.peerPath('below'), backing_fmt: 'qcow2' };
      await create(workspace, 'q', { cluster_size: clusterBytes, compat, ...below }, size);
      await change(workspace, 'q', randomChanges(6, { bytes: size, clusterBytes, canCompress: true }));
      await qemu(workspace, 'qemu-img', ['snapshot', '-c', 'first', workspace.peerPath('q')]);
      const before = await rawDisk(workspace, 'q', '-l', 'snapshot.name=first');
      await change(workspace, 'q', randomChanges(7, { bytes: size, clusterBytes, canCompress: false }));
      await changeInTurns('q', clusterBytes);
      expect(firstDifference(await rawDisk(workspace, 'q', '-l', 'snapshot.name=first'), before)).toBeUndefined();
      await qemu(workspace, 'qemu-img', ['snapshot', '-d', 'first', workspace.peerPath('q')]);
      await expectClean('q');
    },
  );

  it.each([
    ['on', 'off'],
    ['off', 'on'],
  ])('have their data in another file: raw %s, extended L2 %s', async (raw, extended) => {
    const data = { data_file: workspace.peerPath('data'), data_file_raw: raw, extended_l2: extended };
    await create(workspace, 'q', data, size);
    await changeInTurns('q', 65_536);
  });

  it('become longer and shorter', async () => {
    await create(workspace, 'below', {}, 4 * 2 ** 20);
    await change(workspace, 'below', ['write -P 3 0 4M']);
    const below = { backing_file: workspace.peerPath('below'), backing_fmt: 'qcow2' };
    await create(workspace, 'q', { cluster_size: 4096, ...below }, 2 ** 20 + 512);
    const device = await openForWriting('q');
    await device.resizing?.resize(64 * 2 ** 20);
    const bytes = new Uint8Array(8192);
    await device.read(2 ** 20 - 4096, bytes);
    expect(bytes.indexOf(0)).toBe(4096 + 512);
    await device.write(40 * 2 ** 20, new Uint8Array(512).fill(9));
    await device.resizing?.resize(2 ** 20 - 512);
    await device.resizing?.resize(2 ** 20);
    await device.read(2 ** 20 - 8192, bytes);
    expect(bytes.indexOf(0)).toBe(8192 - 512);
    await device.close();
    await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath('q')]);
    expect((await rawDisk(workspace, 'q')).length).toBe(2 ** 20);
  });

  it('keep their bitmaps: those that are enabled follow what is written', async () => {
    const clusterBytes = 4096;
    await create(workspace, 'q', { cluster_size: clusterBytes }, 64 * 2 ** 20);
    const bitmap = (...args: string[]) =>
      qemu(workspace, 'qemu-img', [
        'bitmap',
        '-f',
        'qcow2',
        ...args.slice(0, -1),
        workspace.peerPath('q'),
        args.at(-1) ?? '',
      ]);
    await bitmap('--add', '-g', '4096', 'fine');
    await bitmap('--add', '-g', '512', 'finest');
    await bitmap('--add', '--disable', 'disabled');
    await change(workspace, 'q', ['write 0 4096']);
    const device = await openForWriting('q');
    const dirty = async (one: BlockDevice, name: string) => {
      const [answer] = await one.blockStatus(0, 64 * 2 ** 20, { contexts: [`qemu:dirty-bitmap:${name}`] });
      return answer?.extents
        .filter(({ status }) => status === 1n)
        .map(({ offset, length }) => [Number(offset), Number(length)]);
    };
    await device.write(100_000, new Uint8Array(10_000).fill(1));
    await device.writeZeroes(32 * 2 ** 20, 2 ** 20);
    await device.trim(40 * 2 ** 20, 4096);
    const fine = [
      [0, 4096],
      [98_304, 12_288],
      [32 * 2 ** 20, 2 ** 20],
      [40 * 2 ** 20, 4096],
    ];
    const finest = [
      [0, 4096],
      [99_840, 10_240],
      [32 * 2 ** 20, 2 ** 20],
      [40 * 2 ** 20, 4096],
    ];
    expect(await dirty(device, 'fine')).toEqual(fine);
    await device.flush();
    // As after a crash: what is in the file now does not count.
    const crashed = await openImage(workspace, 'q');
    expect(crashed.image.bitmaps.map(({ name, inUse }) => [name, inUse])).toEqual([
      ['fine', true],
      ['finest', true],
      ['disabled', false],
    ]);
    await crashed.close();
    await device.close();
    await expectClean('q');
    await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath('q')]);
    const again = await openImage(workspace, 'q');
    expect(await dirty(again, 'fine')).toEqual(fine);
    expect(await dirty(again, 'finest')).toEqual(finest);
    expect(await dirty(again, 'disabled')).toEqual([]);
    expect(again.image.bitmaps.every(({ inUse }) => !inUse)).toBe(true);
    await again.close();
    // QEMU reads them, too, and goes on.
    await change(workspace, 'q', ['write 50M 4096']);
    const last = await openImage(workspace, 'q');
    expect(await dirty(last, 'fine')).toEqual([...fine, [50 * 2 ** 20, 4096]]);
    await last.close();
  });
});
