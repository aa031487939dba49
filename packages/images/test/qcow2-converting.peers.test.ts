/** @module-tag slow */
import { writeFileSync } from 'node:fs';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { openFileDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeCodecs } from '../src/node/index.ts';
import { checkQcow2, openQcow2, type WriteQcow2Options, writeQcow2 } from '../src/qcow2/index.ts';
import { deviceOf } from './support/memory-images.ts';
import { firstDifference, openImage, qemu, rawDisk, readDisk } from './support/qemu-images.ts';

let workspace: Workspace;

/** Zeroes, text that compresses well, and bytes that do not compress, in pieces of all lengths. */
function disk(seed: number, size = 3 * 2 ** 20 + 512): Uint8Array {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const length = 512 * (1 + Math.floor(random() ** 2 * 600));
    const part = bytes.subarray(at, at + length);
    const kind = random();
    if (kind < 0.3) for (let byte = 0; byte < part.length; byte++) part[byte] = random() * 256;
    else if (kind < 0.7)
      for (let byte = 0; byte < part.length; byte++) part[byte] = 97 + ((byte * 7) % 11) + random() * 4;
    at += length;
  }
  return bytes;
}

async function write(name: string, bytes: Uint8Array, options: WriteQcow2Options): Promise<void> {
  const file = await openFileDevice(workspace.hostPath(name), { create: true, size: 0 });
  await writeQcow2(deviceOf(bytes), file, { codecs: nodeCodecs, ...options });
  const { corruptions, leaks } = await checkQcow2(file);
  expect({ corruptions, leaks }).toEqual({ corruptions: 0, leaks: 0 });
  await file.close();
  await qemu(workspace, 'qemu-img', ['check', '-q', '-f', 'qcow2', workspace.peerPath(name)]);
}

const kinds: readonly WriteQcow2Options[] = [
  {},
  { compress: true },
  { compress: true, compression: 'zstd', extendedL2: true },
  { compress: true, clusterBytes: 512, refcountBits: 64 },
  { compress: true, clusterBytes: 4096, refcountBits: 1 },
  { compress: true, clusterBytes: 4096, refcountBits: 2, compression: 'zstd' },
  { compress: true, clusterBytes: 2 ** 21, version: '2', level: 9 },
  { extendedL2: true, clusterBytes: 16_384 },
];

describePeers('disks that are written as qcow2', ['qemu-img'], (generation) => {
  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  it.each(kinds)('are read as they were: %j', async (options) => {
    // The smallest clusters are many, and each is compressed by itself.
    const bytes = disk(JSON.stringify(options).length, options.clusterBytes === 512 ? 2 ** 19 : undefined);
    await write('q', bytes, options);
    expect(firstDifference(await rawDisk(workspace, 'q'), bytes), 'by QEMU').toBeUndefined();
    const device = await openImage(workspace, 'q');
    expect(firstDifference(await readDisk(device, 2 ** 20), bytes), 'by us').toBeUndefined();
    expect(device.image).toMatchObject({ virtualBytes: BigInt(bytes.length), backing: undefined });
    await device.close();
  });

  it.each([
    ['3', true],
    ['2', false],
  ] as const)('have only what differs from an image below: version %s, compressed %s', async (version, compress) => {
    const old = disk(1);
    const now = old.slice();
    now.fill(0, 70_000, 300_000);
    now.set(disk(2, 100_000), 2 ** 20 + 1000);
    await write('below', old, {});
    const below = await openQcow2(await openFileDevice(workspace.hostPath('below'), { readOnly: true }));
    await write('q', now, { version, compress, backing: 'below', backingFormat: 'qcow2', below, clusterBytes: 4096 });
    await below.close();
    expect(firstDifference(await rawDisk(workspace, 'q'), now)).toBeUndefined();
    const file = await openFileDevice(workspace.hostPath('q'), { readOnly: true });
    const changed = [...Array(Math.ceil(now.length / 4096)).keys()].filter((index) => {
      const [one, other] = [old, now].map((bytes) => bytes.subarray(index * 4096, (index + 1) * 4096));
      const isZero = one?.every((byte) => byte === 0);
      return !other?.every((byte, at) => byte === one?.[at]) && !(isZero === true && version === '3');
    });
    const { allocatedClusters } = await checkQcow2(file);
    expect(allocatedClusters).toBeLessThanOrEqual(changed.length);
    expect(allocatedClusters).toBeGreaterThan(0);
    await file.close();
  });

  it('take about as much room as those of QEMU', async () => {
    const bytes = disk(9, 8 * 2 ** 20);
    writeFileSync(workspace.hostPath('raw'), bytes);
    const paths = [workspace.peerPath('raw'), workspace.peerPath('theirs')];
    await qemu(workspace, 'qemu-img', ['convert', '-c', '-f', 'raw', '-O', 'qcow2', ...paths]);
    await write('ours', bytes, { compress: true });
    const [ours, theirs] = await Promise.all(
      ['ours', 'theirs'].map(async (name) => {
        const file = await openFileDevice(workspace.hostPath(name), { readOnly: true });
        await file.close();
        return Number(file.geometry.size);
      }),
    );
    expect(ours).toBeLessThan(1.05 * (theirs ?? 0));
  });
});
