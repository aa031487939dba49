/** A small qcow2 image, built byte by byte and independent of our reader, so that tests can damage any place of it. */
import { deflateRawSync } from 'node:zlib';

/** What the image is to have. */
export interface Qcow2ImageOptions {
  /** The size of a cluster, as a power of two. @default 12 */
  readonly clusterBits?: number | undefined;
  /** @default 3 */
  readonly version?: 2 | 3 | undefined;
  /** The name of a backing file. @default none */
  readonly backing?: string | undefined;
  /** The name of a data file. @default none */
  readonly dataFile?: string | undefined;
}

/** Where the parts are, in bytes. */
export interface Qcow2ImagePlaces {
  /** The extension of the bitmaps; of version 3 only. */
  readonly bitmapsExtension: number;
  /** The L1 table; it has one entry. */
  readonly l1: number;
  /** The L2 table. */
  readonly l2: number;
  /** The data of the disk's first two clusters. */
  readonly data: number;
  /** The compressed data of its third. */
  readonly packed: number;
  /** The table of snapshots, which has one. */
  readonly snapshots: number;
  /** The directory of bitmaps, which has one. */
  readonly bitmaps: number;
  /** The table of the bitmap. */
  readonly bitmapTable: number;
  /** The bits of the bitmap: the disk's first granule is dirty. */
  readonly bitmapBits: number;
}

/** An image, and the disk that it is. */
export interface Qcow2Image {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly places: Qcow2ImagePlaces;
  readonly clusterBytes: number;
  /** What the disk reads as: two clusters of data, a compressed one, one of zeroes, and twelve that are stored nowhere. */
  readonly disk: Uint8Array;
}

/** Clusters of the disk. */
const diskClusters = 16;
/** Clusters of the file: header, refcounts, tables, data, snapshots, bitmaps. */
const fileClusters = 13;

export function buildQcow2Image(options: Qcow2ImageOptions = {}): Qcow2Image {
  const { clusterBits = 12, dataFile } = options;
  const clusterBytes = 2 ** clusterBits;
  const bytes = new Uint8Array(fileClusters * clusterBytes);
  const view = new DataView(bytes.buffer);
  const place = (cluster: number): number => cluster * clusterBytes;
  const bitmapsExtension = buildHeader(view, options, clusterBytes);
  view.setBigUint64(place(1), BigInt(place(2)));
  for (let cluster = 0; cluster < fileClusters; cluster++) view.setUint16(place(2) + 2 * cluster, 1);
  buildTables(view, options, clusterBytes);
  buildSnapshot(view, place(8), place(9), diskClusters * clusterBytes);
  buildBitmap(view, place, clusterBits);
  const disk = new Uint8Array(diskClusters * clusterBytes);
  disk.fill(1, 0, clusterBytes).fill(2, clusterBytes, 2 * clusterBytes);
  if (dataFile === undefined) disk.fill(3, 2 * clusterBytes, 3 * clusterBytes);
  const places = {
    bitmapsExtension,
    l1: place(3),
    l2: place(4),
    data: place(5),
    packed: place(7),
    snapshots: place(8),
    bitmaps: place(10),
    bitmapTable: place(11),
    bitmapBits: place(12),
  };
  return { bytes, view, places, clusterBytes, disk };
}

/** Returns where the extension of the bitmaps is. */
function buildHeader(view: DataView, options: Qcow2ImageOptions, clusterBytes: number): number {
  const { clusterBits = 12, version = 3, backing, dataFile } = options;
  const bytes = new Uint8Array(view.buffer);
  const big = (at: number, value: number): void => view.setBigUint64(at, BigInt(value));
  view.setUint32(0, 0x5146_49fb);
  view.setUint32(4, version);
  view.setUint32(20, clusterBits);
  big(24, diskClusters * clusterBytes);
  view.setUint32(36, 1);
  big(40, 3 * clusterBytes);
  big(48, clusterBytes);
  view.setUint32(56, 1);
  view.setUint32(60, 1);
  big(64, 8 * clusterBytes);
  let end = 72;
  if (version === 3) {
    big(72, dataFile === undefined ? 0 : 4);
    big(88, 1);
    view.setUint32(96, 4);
    view.setUint32(100, 104);
    end = 104;
  }
  const extension = (type: number, content: Uint8Array): void => {
    view.setUint32(end, type);
    view.setUint32(end + 4, content.length);
    bytes.set(content, end + 8);
    end += 8 + Math.ceil(content.length / 8) * 8;
  };
  const bitmapsExtension = end;
  if (version === 3) {
    extension(0x2385_2875, new Uint8Array(24));
    view.setUint32(bitmapsExtension + 8, 1);
    big(bitmapsExtension + 16, 32);
    big(bitmapsExtension + 24, 10 * clusterBytes);
  }
  if (dataFile !== undefined) extension(0x4441_5441, text(dataFile));
  if (backing !== undefined) {
    extension(0xe279_2aca, text('raw'));
    big(8, end + 8);
    view.setUint32(16, text(backing).length);
    bytes.set(text(backing), end + 8);
  }
  return bitmapsExtension;
}

/** The L1 and L2 tables, and what they lead to. */
function buildTables(view: DataView, options: Qcow2ImageOptions, clusterBytes: number): void {
  const { clusterBits = 12, version = 3, dataFile } = options;
  const bytes = new Uint8Array(view.buffer);
  const place = (cluster: number): number => cluster * clusterBytes;
  const copied = 2 ** 31;
  const entry = (at: number, flags: number, value: number): void => {
    view.setUint32(at, (flags + Math.floor(value / 2 ** 32)) >>> 0);
    view.setUint32(at + 4, value >>> 0);
  };
  entry(place(3), copied, place(4));
  entry(place(9), copied, place(4));
  entry(place(4), copied, place(5));
  entry(place(4) + 8, copied, place(6));
  const packed = deflateRawSync(new Uint8Array(clusterBytes).fill(3));
  bytes.set(packed, place(7));
  // Whole sectors behind the first are counted in the high bits.
  const sectors = Math.ceil(packed.length / 512) - 1;
  if (dataFile === undefined) entry(place(4) + 16, 2 ** 30 + sectors * 2 ** (62 - (clusterBits - 8) - 32), place(7));
  if (version === 3) entry(place(4) + 24, 0, 1);
  bytes.fill(1, place(5), place(6));
  bytes.fill(2, place(6), place(7));
}

/** `b0`, with the first of its bits set. */
function buildBitmap(view: DataView, place: (cluster: number) => number, clusterBits: number): void {
  view.setBigUint64(place(10), BigInt(place(11)));
  view.setUint32(place(10) + 8, 1);
  view.setUint32(place(10) + 12, 2);
  view.setUint8(place(10) + 16, 1);
  view.setUint8(place(10) + 17, clusterBits);
  view.setUint16(place(10) + 18, 2);
  new Uint8Array(view.buffer).set(text('b0'), place(10) + 24);
  view.setBigUint64(place(11), BigInt(place(12)));
  view.setUint8(place(12), 1);
}

/** `s1`, with the same clusters as the present state. */
function buildSnapshot(view: DataView, at: number, l1: number, diskBytes: number): void {
  view.setBigUint64(at, BigInt(l1));
  view.setUint32(at + 8, 1);
  view.setUint16(at + 12, 1);
  view.setUint16(at + 14, 2);
  view.setUint32(at + 16, 1_700_000_000);
  view.setUint32(at + 36, 16);
  view.setBigUint64(at + 48, BigInt(diskBytes));
  new Uint8Array(view.buffer).set(text('1s1'), at + 56);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
