import { createMemoryDevice, createOverlayLayer } from '@nbdjs/storage';
import { blockDeviceConformance, buildQcow2Image } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { encodeQcow2Header, openQcow2, type Qcow2Header } from '../src/qcow2/index.ts';

const clusterBytes = 4096;

/** An image without any cluster of data. */
async function emptyImage(virtualBytes: number) {
  const header: Qcow2Header = {
    version: 3,
    backingName: undefined,
    clusterBits: 12,
    virtualBytes: BigInt(virtualBytes),
    encryption: 'none',
    l1Entries: Math.ceil(virtualBytes / (clusterBytes * 512)),
    l1Offset: BigInt(clusterBytes),
    refcountTableOffset: BigInt(2 * clusterBytes),
    refcountTableClusters: 1,
    snapshotCount: 0,
    snapshotsOffset: 0n,
    incompatible: 0n,
    compatible: 0n,
    autoclear: 0n,
    refcountOrder: 4,
    headerBytes: 104,
    compression: 'deflate',
    extensions: [],
  };
  const file = createMemoryDevice({ size: 3 * clusterBytes });
  await file.write(0, encodeQcow2Header(header));
  return openQcow2(file);
}

blockDeviceConformance('overlay over an empty qcow2 image', {
  make: async (size) => createOverlayLayer(await emptyImage(size)),
});

it('answers at once where the file does, when the tables are in memory', async () => {
  const { bytes } = buildQcow2Image();
  const file = createMemoryDevice({ size: bytes.length });
  await file.write(0, bytes);
  const device = await openQcow2(file);
  const target = new Uint8Array(100);
  await device.read(0, target);
  expect(device.read(50, target.fill(0))).toBeUndefined();
  expect(target).toEqual(new Uint8Array(100).fill(1));
  await device.close();
});
