/** What a new image is like: its options, and the header that follows from them. */

import type { Offset } from '@nbdjs/interfaces';
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, type SettingsOf } from '@nbdjs/kit';
import { Autoclear, Compatible, Incompatible, knownFeatures } from '../features.ts';
import { compressionTypes, encodeQcow2Header, type Qcow2Header } from '../header.ts';
import { ExtensionType, featureNamesExtension, type HeaderExtension, textExtension } from '../header-extensions.ts';
import { clusterBitsMax, clusterBitsMin, l1BytesMax, virtualBytesMax } from '../limits.ts';

const shapeOptions = {
  /** The size of the disk, in bytes: a multiple of 512. */
  size: option.checked<Offset>(optionChecks.bytes, {
    required: true,
    doc: 'The size of the disk: a multiple of 512 bytes.',
  }),
  /** The version of the format. Version 2 has no clusters of zeroes, and is read by QEMU before 1.1, too. @default 3 */
  version: option.oneOf(['2', '3'], {
    default: '3',
    doc: 'The version of the format. Version 2 has no clusters of zeroes, and is read by QEMU before 1.1, too.',
  }),
  /** The unit in which storage is allocated, in bytes: 512 to 2 MiB. @default 64 KiB */
  clusterBytes: option.powerOfTwoBytes({
    default: 65_536,
    least: 2 ** clusterBitsMin,
    most: 2 ** clusterBitsMax,
    doc: 'The unit in which storage is allocated.',
  }),
  /** How many bits count the uses of a cluster: 1, 2, 4, 8, 16, 32 or 64. @default 16 */
  refcountBits: option.count({
    default: 16,
    least: 1,
    most: 64,
    doc: 'How many bits count the uses of a cluster: 1, 2, 4, 8, 16, 32 or 64.',
  }),
  /** Clusters have 32 parts that are allocated one by one; they need 16 KiB or more. @default false */
  extendedL2: option.boolean({
    default: false,
    doc: 'Clusters have 32 parts that are allocated one by one; they need 16 KiB or more.',
  }),
  /** How clusters are compressed, where some will be. @default deflate */
  compression: option.oneOf(compressionTypes, {
    default: 'deflate',
    doc: 'How clusters are compressed, where some will be.',
  }),
  /** Refcounts are stored late: quicker, and the image has to be repaired after a crash. @default false */
  lazyRefcounts: option.boolean({
    default: false,
    doc: 'Refcounts are stored late: quicker, and the image has to be repaired after a crash.',
  }),
  /** The name of the image below, as it is written into this one. Nothing is opened. @default there is none */
  backing: option.text({
    defaultText: 'there is none',
    doc: 'The name of the image below, as it is written into this one. Nothing is opened.',
  }),
  /** Its format, such as `raw` or `qcow2`; needed with `backing`. */
  backingFormat: option.text({
    doc: 'The format of the image below, such as `raw` or `qcow2`; needed with `backing`.',
  }),
  /** The name of another file that gets the clusters. The caller makes it. @default they are in the image */
  dataFile: option.text({
    defaultText: 'they are in the image',
    doc: 'The name of another file that gets the clusters. The caller makes it.',
  }),
  /** The data file is the disk, byte for byte, for programs that know nothing of the image; it has to be of zeroes. @default false */
  rawDataFile: option.boolean({
    default: false,
    doc: 'The data file is the disk, byte for byte, for programs that know nothing of the image; it has to be of zeroes.',
  }),
} as const;

export const imageShapeOptions = defineOptions(shapeOptions);

/** What a new qcow2 image is like. */
export interface Qcow2Shape extends OptionsOf<typeof imageShapeOptions> {}

export type ShapeSettings = SettingsOf<typeof imageShapeOptions>;

const extendedClusterBytesMin = 16_384;

/** Where the parts of a new image are, in clusters. */
export interface ImageLayout {
  readonly tableFirst: number;
  readonly tableCount: number;
  readonly blockFirst: number;
  readonly blockCount: number;
  readonly l1First: number;
  readonly l1Count: number;
  /** L2 tables; only of images whose data file is the disk: each cluster has its place there from the beginning. */
  readonly l2First: number;
  readonly l2Count: number;
  /** All clusters. */
  readonly count: number;
}

/** How many entries the L1 table of a disk needs. */
function l1EntriesFor(size: bigint, clusterBytes: number, isExtended: boolean): number {
  return Math.ceil(Number(size) / (clusterBytes * (clusterBytes / (isExtended ? 16 : 8))));
}

/** @throws UsageError `ERR_NBD_ARGUMENT` for options that do not go together. */
export function judgeShape(where: string, shape: ShapeSettings): void {
  const { version, clusterBytes, refcountBits, extendedL2, compression, lazyRefcounts, dataFile, rawDataFile } = shape;
  const refuse = (message: string): never => {
    throw new UsageError('ERR_NBD_ARGUMENT', `${where}: ${message}`);
  };
  const size = BigInt(shape.size);
  if (size % 512n !== 0n) refuse(`a disk of ${size} bytes, expected a multiple of 512`);
  if (!Number.isInteger(Math.log2(refcountBits))) refuse(`refcounts of ${refcountBits} bits, expected a power of two`);
  if (version === '2') {
    const newer = [
      refcountBits !== 16 && 'refcounts of other than 16 bits',
      extendedL2 && 'extended L2 entries',
      compression !== 'deflate' && `compression with ${compression}`,
      lazyRefcounts && 'lazy refcounts',
      dataFile !== undefined && 'data files',
    ].find((one) => one !== false);
    if (newer !== undefined) refuse(`version 2 has no ${newer}, version 3 has`);
  }
  if (extendedL2 && clusterBytes < extendedClusterBytesMin) {
    refuse(`clusters of ${clusterBytes} bytes, expected ${extendedClusterBytesMin} or more with extended L2 entries`);
  }
  if ((shape.backing === undefined) !== (shape.backingFormat === undefined)) {
    refuse('an image below needs its name and its format: they are never guessed');
  }
  if (rawDataFile && dataFile === undefined) refuse('a raw data file, and no data file has a name');
  if (rawDataFile && shape.backing !== undefined) refuse('with a raw data file, there can be no image below');
  const l1Entries = l1EntriesFor(size, clusterBytes, extendedL2);
  if (size > virtualBytesMax || 8 * l1Entries > l1BytesMax) {
    refuse(`a disk of ${size} bytes is too large for clusters of ${clusterBytes} bytes`);
  }
}

/** Where the parts of an image without any data are. */
export function layoutOf({ size, clusterBytes, refcountBits, extendedL2, rawDataFile }: ShapeSettings): ImageLayout {
  const l1Entries = l1EntriesFor(BigInt(size), clusterBytes, extendedL2);
  const l1Bytes = 8 * l1Entries;
  const l2Count = rawDataFile ? l1Entries : 0;
  const l1Count = Math.ceil(l1Bytes / clusterBytes);
  const perBlock = (clusterBytes * 8) / refcountBits;
  let blockCount = 1;
  for (;;) {
    const tableCount = Math.ceil((8 * blockCount) / clusterBytes);
    const count = 1 + tableCount + blockCount + l1Count + l2Count;
    const needed = Math.ceil(count / perBlock);
    if (needed <= blockCount) {
      const blockFirst = 1 + tableCount;
      const l1First = blockFirst + blockCount;
      const l2First = l1First + l1Count;
      return { tableFirst: 1, tableCount, blockFirst, blockCount, l1First, l1Count, l2First, l2Count, count };
    }
    blockCount = needed;
  }
}

/** The header of a new image. */
export function headerOf(
  shape: ShapeSettings,
  layout: Pick<ImageLayout, 'tableFirst' | 'tableCount' | 'l1First'>,
): Qcow2Header {
  const { clusterBytes, compression, extendedL2, dataFile, rawDataFile, lazyRefcounts, refcountBits, version } = shape;
  const cluster = BigInt(clusterBytes);
  const l1Entries = l1EntriesFor(BigInt(shape.size), clusterBytes, extendedL2);
  const header: Qcow2Header = {
    version: version === '2' ? 2 : 3,
    backingName: shape.backing,
    clusterBits: Math.log2(clusterBytes),
    virtualBytes: BigInt(shape.size),
    encryption: 'none',
    l1Entries,
    l1Offset: BigInt(layout.l1First) * cluster,
    refcountTableOffset: BigInt(layout.tableFirst) * cluster,
    refcountTableClusters: layout.tableCount,
    snapshotCount: 0,
    snapshotsOffset: 0n,
    incompatible:
      (dataFile === undefined ? 0n : Incompatible.ExternalData) |
      (compression === 'deflate' ? 0n : Incompatible.CompressionType) |
      (extendedL2 ? Incompatible.ExtendedL2 : 0n),
    compatible: lazyRefcounts ? Compatible.LazyRefcounts : 0n,
    autoclear: rawDataFile ? Autoclear.RawExternalData : 0n,
    refcountOrder: Math.log2(refcountBits),
    headerBytes: version === '2' ? 72 : 112,
    compression,
    extensions: extensionsOf(shape),
  };
  return withNames(header);
}

function extensionsOf({ backingFormat, dataFile }: ShapeSettings): readonly HeaderExtension[] {
  const extensions: HeaderExtension[] = [];
  if (backingFormat !== undefined) extensions.push(textExtension(ExtensionType.BackingFormat, backingFormat));
  if (dataFile !== undefined) extensions.push(textExtension(ExtensionType.DataFile, dataFile));
  return extensions;
}

/** Names of features are for programs that do not know these; in the smallest clusters there may be no room for them. */
function withNames(header: Qcow2Header): Qcow2Header {
  if (header.version === 2) return header;
  const named = { ...header, extensions: [...header.extensions, featureNamesExtension(knownFeatures)] };
  try {
    encodeQcow2Header(named);
    return named;
  } catch {
    return header;
  }
}
