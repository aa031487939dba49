import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { buildQcow2Image, type Qcow2Image } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { nodeCodecs } from '../src/node/index.ts';
import { openQcow2, type Qcow2Options } from '../src/qcow2/index.ts';

async function fileOf(bytes: Uint8Array): Promise<BlockDevice> {
  const file = createMemoryDevice({ size: bytes.length });
  await file.write(0, bytes);
  return file;
}

const open = async (bytes: Uint8Array, options: Qcow2Options = {}) =>
  openQcow2(await fileOf(bytes), { codecs: nodeCodecs, ...options });

/** Reads each cluster on its own: the bytes, or the code of the error. */
async function readClusters(bytes: Uint8Array, clusterBytes: number): Promise<readonly (Uint8Array | string)[]> {
  const device = await open(bytes);
  const clusters: (Uint8Array | string)[] = [];
  for (let at = 0; at < Number(device.geometry.size); at += clusterBytes) {
    const target = new Uint8Array(clusterBytes);
    try {
      await device.read(at, target);
      clusters.push(target);
    } catch (error) {
      clusters.push((error as { code: string }).code);
    }
  }
  await device.close();
  return clusters;
}

type Change = (image: Qcow2Image) => void;

function changed(change: Change, options: Parameters<typeof buildQcow2Image>[0] = {}): Qcow2Image {
  const image = buildQcow2Image(options);
  change(image);
  return image;
}

describe('an image that is right', () => {
  it.each([{}, { version: 2 as const }, { clusterBits: 9 }, { clusterBits: 16 }])('%j is read', async (options) => {
    const { bytes, disk } = buildQcow2Image(options);
    const device = await open(bytes);
    const target = new Uint8Array(disk.length);
    await device.read(0, target);
    expect(Buffer.compare(target, disk)).toBe(0);
    await device.close();
    const snapshot = await open(bytes, { snapshot: 's1' });
    await snapshot.read(0, target.fill(9));
    expect(Buffer.compare(target, disk)).toBe(0);
    await snapshot.close();
  });
});

describe('the last snapshot', () => {
  it.each(['a', 'clean', '1234567'])('may end the file without being filled up: %s', async (name) => {
    const { bytes, view, places, disk } = buildQcow2Image();
    // The bitmaps are behind it, and so is its table, which is the same as that of the disk.
    view.setBigUint64(88, 0n);
    view.setBigUint64(places.snapshots, BigInt(places.l1));
    const [idBytes, extraBytes] = [view.getUint16(places.snapshots + 12), view.getUint32(places.snapshots + 36)];
    view.setUint16(places.snapshots + 14, name.length);
    const place = places.snapshots + 40 + extraBytes + idBytes;
    bytes.set(new TextEncoder().encode(name), place);
    const device = await open(bytes.slice(0, place + name.length), { snapshot: name });
    const target = new Uint8Array(disk.length);
    await device.read(0, target);
    expect(Buffer.compare(target, disk)).toBe(0);
    await device.close();
    await expect(open(bytes.slice(0, place + name.length - 1))).rejects.toThrow('it reaches past the end');
  });
});

describe('a damaged image is refused when it is opened', () => {
  it.each<[string, Change, string]>([
    [
      'a disk without end',
      ({ view }) => view.setBigUint64(24, 2n ** 64n - 1n),
      'the disk has 18446744073709551615 bytes',
    ],
    ['a disk longer than its L1 table (CVE-2014-0143)', ({ view }) => view.setBigUint64(24, 2n ** 40n), 'needs 524288'],
    [
      'a huge L1 table (CVE-2014-0143)',
      ({ view }) => view.setUint32(36, 0xffff_ffff),
      '4294967295 entries, expected 4194304',
    ],
    ['an L1 table behind the end', ({ view }) => view.setBigUint64(40, 2n ** 40n), 'the L1 table ends at byte'],
    ['an L1 table inside of a cluster', ({ view }) => view.setBigUint64(40, 8n), 'not at the start of a cluster'],
    ['clusters of one byte (CVE-2014-0142)', ({ view }) => view.setUint32(20, 0), 'clusters have 2^0 bytes'],
    ['clusters without end (CVE-2014-0144)', ({ view }) => view.setUint32(20, 63), 'clusters have 2^63 bytes'],
    [
      'a header that is too long (CVE-2014-0144)',
      ({ view }) => view.setUint32(100, 2 ** 31),
      'it has 2147483648 bytes',
    ],
    [
      'a huge refcount table (CVE-2014-0147)',
      ({ view }) => view.setUint32(56, 0x7fff_ffff),
      'the refcount table has 2147483647',
    ],
    ['very many snapshots (CVE-2014-0146)', ({ view }) => view.setUint32(60, 0xffff_ffff), '4294967295 snapshots'],
    [
      'more snapshots than the file has room for',
      ({ view }) => view.setUint32(60, 60_000),
      'the image is damaged: the snapshot at byte',
    ],
    ['snapshots behind the end', ({ view }) => view.setBigUint64(64, 2n ** 62n), 'the table of snapshots is at byte'],
    [
      'a snapshot with a huge L1 table (CVE-2014-0145)',
      ({ view, places }) => view.setUint32(places.snapshots + 8, 0x1000_0000),
      'its L1 table has 268435456 entries',
    ],
    [
      'a snapshot with long extra data',
      ({ view, places }) => view.setUint32(places.snapshots + 36, 0xffff_fff0),
      '4294967280 bytes of extra data',
    ],
    ['very many bitmaps', ({ view, places }) => view.setUint32(places.bitmapsExtension + 8, 70_000), '70000 bitmaps'],
    [
      'a long directory of bitmaps',
      ({ view, places }) => view.setBigUint64(places.bitmapsExtension + 16, 2n ** 40n),
      'a directory of 1099511627776 bytes',
    ],
    [
      'a directory of bitmaps behind the end',
      ({ view, places }) => view.setBigUint64(places.bitmapsExtension + 24, 2n ** 30n),
      'the directory is at byte 1073741824',
    ],
    [
      'a long table of a bitmap',
      ({ view, places }) => view.setUint32(places.bitmaps + 8, 2 ** 31),
      'a table of 2147483648 entries',
    ],
    ['a bitmap of fine granules', ({ view, places }) => view.setUint8(places.bitmaps + 17, 3), 'a granularity of 2^3'],
    [
      'a bitmap with a long name',
      ({ view, places }) => view.setUint16(places.bitmaps + 18, 65_535),
      'the directory ends',
    ],
    [
      'a backing file with a long name',
      ({ view }) => {
        view.setBigUint64(8, 512n);
        view.setUint32(16, 4000);
      },
      'has 4000 bytes',
    ],
    ['an unknown feature', ({ view }) => view.setBigUint64(72, 0x8000n), "not known here: 'bit 15'"],
    ['LUKS', ({ view }) => view.setUint32(32, 2), 'encrypted with LUKS'],
    ['version 1 (CVE-2014-0222, 0223)', ({ view }) => view.setUint32(4, 1), 'version 1, expected 2 or 3'],
  ])('%s', async (_, change, message) => {
    await expect(open(changed(change).bytes)).rejects.toThrow(message);
  });

  it('names an unknown feature as the image does', async () => {
    const image = buildQcow2Image();
    const { view, bytes, places } = image;
    view.setBigUint64(72, 1n << 40n);
    // The extension of the bitmaps becomes a feature name table.
    view.setUint32(places.bitmapsExtension, 0x6803_f857);
    view.setUint32(places.bitmapsExtension + 4, 48);
    bytes.fill(0, places.bitmapsExtension + 8, places.bitmapsExtension + 200);
    bytes.set([0, 40, ...new TextEncoder().encode('time\ntravel')], places.bitmapsExtension + 8);
    await expect(open(bytes)).rejects.toThrow("not known here: 'time travel'");
  });
});

describe('files that an image names are not opened without being told', () => {
  it.each([
    ['json:{"driver":"file","filename":"/etc/shadow"} (CVE-2024-4467)', 'dataFile'],
    ['/etc/shadow (CVE-2015-5163)', 'backing'],
  ])('%s', async (name, kind) => {
    await expect(open(buildQcow2Image({ [kind]: name }).bytes)).rejects.toThrow("no option 'resolve'");
  });
});

describe('damage that a request meets fails that request', () => {
  const high = (bits: number) => bits * 2 ** 24;
  it.each<[string, Change, number]>([
    ['an L2 table behind the end', ({ view, places }) => view.setUint32(places.l1, 0x8000_1000), 0],
    ['an L2 table inside of a cluster', ({ view, places }) => view.setUint32(places.l1 + 4, places.l2 + 512), 0],
    ['data behind the end', ({ view, places }) => view.setUint32(places.l2, 0x8000_1000), 0],
    ['data inside of a cluster', ({ view, places }) => view.setUint32(places.l2 + 4, places.data + 512), 0],
    ['compressed data behind the end', ({ view, places }) => view.setUint32(places.l2 + 20, 0x1000_0000), 2],
    ['compressed data of nonsense', ({ bytes, places }) => bytes.fill(0xff, places.packed, places.packed + 64), 2],
    ['compressed data that end early', ({ bytes, places }) => bytes.set([1, 0, 0, 0xff, 0xff], places.packed), 2],
    [
      'compressed data of the largest length',
      ({ view, places }) => view.setUint32(places.l2 + 16, high(0x7f) + 0xff_0000),
      2,
    ],
  ])('%s', async (_, change, index) => {
    const { bytes, clusterBytes, disk } = changed(change);
    const clusters = await readClusters(bytes, clusterBytes);
    expect(clusters[index]).toBe('EIO');
    // What is not damaged is read as ever, if the table is not at fault.
    const isTable = clusters.every((one) => one === 'EIO');
    const last = clusters[5];
    if (!isTable) expect(last).toEqual(disk.subarray(5 * clusterBytes, 6 * clusterBytes));
  });

  it('a cluster of zeroes in version 2', async () => {
    const { bytes, clusterBytes } = changed(({ view, places }) => view.setUint32(places.l2 + 28, 1), { version: 2 });
    expect((await readClusters(bytes, clusterBytes))[3]).toBe('EIO');
  });

  it.each<[string, (image: Qcow2Image) => number]>([
    ['the header', () => 0],
    ['the L1 table', ({ places }) => places.l1],
    ['the L2 table itself', ({ places }) => places.l2],
  ])('tables that lead back to %s end', async (_, to) => {
    const image = buildQcow2Image();
    image.view.setBigUint64(image.places.l1, BigInt(to(image)));
    const clusters = await readClusters(image.bytes, image.clusterBytes);
    expect(clusters.length).toBe(16);
  });

  it('clusters that overlap are read twice', async () => {
    const image = changed(({ view, places }) => view.setUint32(places.l2 + 12, places.data));
    const [one, other] = await readClusters(image.bytes, image.clusterBytes);
    expect(other).toEqual(one);
  });
});

describe('an image that was cut', () => {
  it('is refused, or reads as before where it does not fail', { tags: ['slow'] }, async () => {
    const { bytes, view, clusterBytes, disk } = buildQcow2Image();
    // Without snapshots and bitmaps, whose tables are behind the data, it can be opened although data are missing.
    view.setUint32(60, 0);
    view.setBigUint64(88, 0n);
    let refused = 0;
    let failed = 0;
    for (let length = 0; length <= bytes.length; length += 509) {
      const cut = bytes.slice(0, length);
      const clusters = await readClusters(cut, clusterBytes).catch((error: { code: string }) => error.code);
      if (typeof clusters === 'string') {
        expect(clusters).toBe('ERR_NBD_IMAGE');
        refused++;
        continue;
      }
      for (const [index, one] of clusters.entries()) {
        const expected = disk.subarray(index * clusterBytes, (index + 1) * clusterBytes);
        if (typeof one === 'string') {
          expect(one).toBe('EIO');
          failed++;
          continue;
        }
        // The last cluster of an image that is right may be cut, too: then it reads as before, and as zeroes behind that.
        const whole = one.findIndex((byte, at) => byte !== expected[at]);
        if (whole >= 0)
          expect(
            one.subarray(whole).every((byte) => byte === 0),
            `cluster ${index}, ${length}`,
          ).toBe(true);
        if (whole === 0) expect.fail(`cluster ${index} of an image of ${length} bytes reads as zeroes`);
      }
    }
    expect(refused).toBeGreaterThan(20);
    expect(failed).toBeGreaterThan(20);
  });
});

describe('a device over an image', () => {
  it('is read-only', async () => {
    const device = await open(buildQcow2Image().bytes);
    for (const call of [
      () => device.write(0, new Uint8Array(1)),
      () => device.trim(0, 1),
      () => device.writeZeroes(0, 1),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_NBD_READ_ONLY' }));
    }
    await device.close();
    expect(() => device.read(0, new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'ERR_NBD_CLOSED' }));
  });

  it('reports the pieces of a read once, with holes', async () => {
    const { bytes, clusterBytes } = buildQcow2Image();
    const device = await open(bytes);
    const chunks: object[] = [];
    await device.read(100, new Uint8Array(6 * clusterBytes), { onChunk: (chunk) => chunks.push(chunk) });
    expect(chunks).toEqual([
      { type: 'data', position: 0, length: 3 * clusterBytes - 100 },
      { type: 'hole', position: 3 * clusterBytes - 100, length: 3 * clusterBytes + 100 },
    ]);
    await device.close();
  });

  it('closes what it refers to, when opening fails, too', async () => {
    const backing = await fileOf(new Uint8Array(512));
    const image = buildQcow2Image({ backing: 'base' });
    const device = await open(image.bytes, { resolve: () => backing });
    await device.close();
    expect(() => backing.read(0, new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'ERR_NBD_CLOSED' }));
  });
});
