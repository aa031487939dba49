import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Autoclear, Compatible, Incompatible, knownFeatures, nameFeatures } from './features.ts';
import { decodeQcow2Header, encodeQcow2Header, isQcow2, type Qcow2Header } from './header.ts';
import {
  bitmapsExtension,
  ExtensionType,
  extensionText,
  featureNames,
  featureNamesExtension,
  makeBitmapsExtension,
  textExtension,
} from './header-extensions.ts';

const header: Qcow2Header = {
  version: 3,
  backingName: 'base ö.img',
  clusterBits: 16,
  virtualBytes: 2n ** 40n,
  encryption: 'none',
  l1Entries: 2048,
  l1Offset: 0x3_0000n,
  refcountTableOffset: 0x1_0000n,
  refcountTableClusters: 1,
  snapshotCount: 2,
  snapshotsOffset: 0x7_0000n,
  incompatible: Incompatible.Dirty | Incompatible.CompressionType,
  compatible: Compatible.LazyRefcounts,
  autoclear: Autoclear.Bitmaps,
  refcountOrder: 6,
  headerBytes: 112,
  compression: 'zstd',
  extensions: [
    textExtension(ExtensionType.BackingFormat, 'raw'),
    featureNamesExtension(knownFeatures),
    makeBitmapsExtension({ count: 3, directoryBytes: 96n, directoryOffset: 0x9_0000n }),
    { type: 0x1234_5678, bytes: Uint8Array.of(1, 2, 3) },
  ],
};

const version2: Qcow2Header = {
  ...header,
  version: 2,
  incompatible: 0n,
  compatible: 0n,
  autoclear: 0n,
  refcountOrder: 4,
  headerBytes: 72,
  compression: 'deflate',
};

describe('a header', () => {
  it.each([
    ['of version 3', header],
    ['of version 2', version2],
    ['without a backing file', { ...header, backingName: undefined, extensions: [] }],
    ['longer than we know', { ...header, headerBytes: 136 }],
  ])('%s is encoded and decoded', (_, one) => {
    expect(decodeQcow2Header(encodeQcow2Header(one))).toEqual(one);
  });

  it('has views of its extensions', () => {
    const { extensions } = decodeQcow2Header(encodeQcow2Header(header));
    expect(extensionText(extensions, ExtensionType.BackingFormat)).toBe('raw');
    expect(extensionText(extensions, ExtensionType.DataFile)).toBeUndefined();
    expect(featureNames(extensions)).toEqual(knownFeatures);
    expect(bitmapsExtension(extensions)).toEqual({ count: 3, directoryBytes: 96n, directoryOffset: 0x9_0000n });
  });

  it('decodes or is refused in words, whatever its bytes are', () => {
    const good = encodeQcow2Header(header);
    const change = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(change, fc.nat(good.length), (changes, cut) => {
        const bytes = good.slice(0, cut);
        for (const [at, value] of changes) if (at < cut) bytes[at] = value;
        try {
          const { clusterBits } = decodeQcow2Header(bytes);
          expect(clusterBits).toBeLessThan(22);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_NBD_(IMAGE|NOT_SUPPORTED)$/) });
        }
      }),
    );
  });

  const changed = (change: (view: DataView) => void): Uint8Array => {
    const bytes = encodeQcow2Header(header);
    change(new DataView(bytes.buffer));
    return bytes;
  };

  it.each<[string, (view: DataView) => void, string]>([
    ['another magic', (view) => view.setUint32(0, 0), 'not a qcow2 image: it begins with 0x00000000'],
    ['version 1', (view) => view.setUint32(4, 1), 'qcow2 of version 1, expected 2 or 3'],
    ['tiny clusters', (view) => view.setUint32(20, 8), 'clusters have 2^8 bytes, expected 9 to 21'],
    ['huge clusters', (view) => view.setUint32(20, 22), 'clusters have 2^22 bytes, expected 9 to 21'],
    ['a short header', (view) => view.setUint32(100, 96), 'it has 96 bytes, expected 104 or more'],
    ['a long header', (view) => view.setUint32(100, 2 ** 31), 'it has 2147483648 bytes, and the first cluster ends'],
    ['a long name', (view) => view.setUint32(16, 1024), 'the name of the backing file has 1024 bytes, expected 1023'],
    ['a name far away', (view) => view.setBigUint64(8, 2n ** 63n), 'past the first cluster'],
    ['wide refcounts', (view) => view.setUint32(96, 7), 'refcounts have 2^7 bits'],
    ['a strange encryption', (view) => view.setUint32(32, 3), 'encryption method 3, expected 0 (none) or 1 (aes) or 2'],
    ['a strange compression', (view) => view.setUint8(104, 9), 'compression type 9, expected 0 (deflate) or 1 (zstd)'],
    ['a long extension', (view) => view.setUint32(116, 2 ** 31), 'its 2147483648 bytes reach past'],
  ])('with %s is refused', (_, change, message) => {
    expect(() => decodeQcow2Header(changed(change))).toThrow(message);
  });

  it.each<[string, Qcow2Header, string]>([
    ['longer than its cluster', { ...header, clusterBits: 9 }, 'does not fit a cluster of 512'],
    ['with a name that is too long', { ...header, backingName: 'a'.repeat(1024) }, 'has 1024 bytes, expected 1023'],
    ['of version 2 with features', { ...header, version: 2 }, 'version 2 of qcow2 has no feature bits'],
    ['whose compression has no feature bit', { ...header, incompatible: 0n }, 'its feature bit says otherwise'],
  ])('%s is not encoded', (_, one, message) => {
    expect(() => encodeQcow2Header(one)).toThrow(message);
  });

  it('is told from other bytes', () => {
    expect(isQcow2(encodeQcow2Header(header))).toBe(true);
    expect(isQcow2(Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1))).toBe(false);
    expect(isQcow2(Uint8Array.of(0x51, 0x46, 0x49))).toBe(false);
  });
});

describe('feature bits', () => {
  it('have the names that the image gives, else those we know, else their numbers', () => {
    const names = [{ kind: 'incompatible', bit: 1, name: 'rotten' }] as const;
    expect(nameFeatures('incompatible', 0b100_0000_0011n, names)).toEqual(['dirty bit', 'rotten', 'bit 10']);
  });
});
