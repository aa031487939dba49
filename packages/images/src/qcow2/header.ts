/** The header of a qcow2 image, as data, and its codec for both directions ("Header"). Nothing is judged here but the layout. */
import { UsageError } from '@nbdjs/interfaces';
import { damagedImage } from '../image-errors.ts';
import { Incompatible } from './features.ts';
import { ExtensionType, type HeaderExtension } from './header-extensions.ts';
import { backingNameBytesMax, clusterBitsMax, clusterBitsMin, extensionsMax } from './limits.ts';

/** `QFI` and 0xfb. */
const qcow2Magic = 0x5146_49fb;

/** How clusters are compressed, by the numbers of the header. */
export const compressionTypes = ['deflate', 'zstd'] as const;

/** How clusters are compressed. */
export type Qcow2Compression = (typeof compressionTypes)[number];

/** How an image is encrypted, by the numbers of the header. */
export const encryptionMethods = ['none', 'aes', 'luks'] as const;

/** How an image is encrypted. */
export type Qcow2Encryption = (typeof encryptionMethods)[number];

/** All fields of a header. Offsets and lengths are in bytes, unless they are named otherwise. */
export interface Qcow2Header {
  /** The version of the format. */
  readonly version: 2 | 3;
  /** The name of the backing file. `undefined`: there is none. */
  readonly backingName: string | undefined;
  /** The size of a cluster, as a power of two. */
  readonly clusterBits: number;
  /** The size of the disk. */
  readonly virtualBytes: bigint;
  /** How the data are encrypted. */
  readonly encryption: Qcow2Encryption;
  /** How many entries the L1 table has. */
  readonly l1Entries: number;
  /** Where the L1 table begins. */
  readonly l1Offset: bigint;
  /** Where the refcount table begins. */
  readonly refcountTableOffset: bigint;
  /** How many clusters the refcount table has. */
  readonly refcountTableClusters: number;
  /** How many snapshots there are. */
  readonly snapshotCount: number;
  /** Where the table of snapshots begins. */
  readonly snapshotsOffset: bigint;
  /** Feature bits (`Incompatible`); 0 in version 2. */
  readonly incompatible: bigint;
  /** Feature bits (`Compatible`); 0 in version 2. */
  readonly compatible: bigint;
  /** Feature bits (`Autoclear`); 0 in version 2. */
  readonly autoclear: bigint;
  /** The width of a refcount, as a power of two; 4 (16 bits) in version 2. */
  readonly refcountOrder: number;
  /** The length of the fixed fields; 72 in version 2, 104 or more in version 3. */
  readonly headerBytes: number;
  /** How clusters are compressed. */
  readonly compression: Qcow2Compression;
  /** In the order of the image, without the end. */
  readonly extensions: readonly HeaderExtension[];
}

const version2Bytes = 72;
const version3Bytes = 104;
/** With the compression type, padded. */
const longBytes = 112;

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Returns whether bytes begin as a qcow2 image does. */
export function isQcow2(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.getUint32(0) === qcow2Magic && view.getUint32(4) >= 2;
}

/**
 * Returns how many bytes from the start of the image on a header needs to be decoded: its first cluster.
 *
 * @param bytes at least the first 24 bytes of the image
 * @throws UsageError `ERR_NBD_IMAGE` when it is no qcow2 image, or its clusters are too small or too large.
 */
export function qcow2HeaderClusterBytes(bytes: Uint8Array): number {
  if (bytes.length < 24) throw damagedImage('the header', `the image ends after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = view.getUint32(0);
  if (magic !== qcow2Magic) {
    const got = `0x${magic.toString(16).padStart(8, '0')}`;
    throw new UsageError('ERR_NBD_IMAGE', `not a qcow2 image: it begins with ${got}, expected 0x514649fb`);
  }
  const bits = view.getUint32(20);
  if (bits < clusterBitsMin || bits > clusterBitsMax) {
    const expected = `expected ${clusterBitsMin} to ${clusterBitsMax}`;
    throw damagedImage('the header at byte 20', `clusters have 2^${bits} bytes, ${expected}`);
  }
  return 2 ** bits;
}

/**
 * Decodes the header of an image.
 *
 * @param cluster the image's first cluster (`qcow2HeaderClusterBytes` says its length), or less where the image is shorter. Extensions are
 *   views of it.
 * @throws UsageError `ERR_NBD_IMAGE` when it is no qcow2 image, or its layout is damaged; `ERR_NBD_NOT_SUPPORTED` for other versions,
 *   and for numbers of methods that we do not know.
 */
export function decodeQcow2Header(cluster: Uint8Array): Qcow2Header {
  qcow2HeaderClusterBytes(cluster);
  const view = new DataView(cluster.buffer, cluster.byteOffset, cluster.length);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `qcow2 of version ${version}, expected 2 or 3`);
  }
  requireBytes(cluster, version === 2 ? version2Bytes : version3Bytes);
  const headerBytes = version === 2 ? version2Bytes : view.getUint32(100);
  if (headerBytes < (version === 2 ? version2Bytes : version3Bytes)) {
    throw damagedImage('the header at byte 100', `it has ${headerBytes} bytes, expected ${version3Bytes} or more`);
  }
  requireBytes(cluster, headerBytes);
  const backing = decodeBackingName(cluster, view);
  // Version 2 has no field after byte 72: an extension is there.
  const later = version === 3;
  const incompatible = later ? view.getBigUint64(72) : 0n;
  const hasCompression = later && headerBytes > version3Bytes;
  const refcountOrder = later ? view.getUint32(96) : 4;
  if (refcountOrder > 6) {
    throw damagedImage('the header at byte 96', `refcounts have 2^${refcountOrder} bits, expected 2^6 or fewer`);
  }
  return {
    version,
    backingName: backing?.name,
    clusterBits: view.getUint32(20),
    virtualBytes: view.getBigUint64(24),
    encryption: method(encryptionMethods, view.getUint32(32), 'encryption method'),
    l1Entries: view.getUint32(36),
    l1Offset: view.getBigUint64(40),
    refcountTableOffset: view.getBigUint64(48),
    refcountTableClusters: view.getUint32(56),
    snapshotCount: view.getUint32(60),
    snapshotsOffset: view.getBigUint64(64),
    incompatible,
    compatible: later ? view.getBigUint64(80) : 0n,
    autoclear: later ? view.getBigUint64(88) : 0n,
    refcountOrder,
    headerBytes,
    compression: method(compressionTypes, hasCompression ? view.getUint8(version3Bytes) : 0, 'compression type'),
    extensions: decodeExtensions(cluster.subarray(0, backing?.offset), headerBytes),
  };
}

/**
 * Encodes a header with its extensions and the name of the backing file behind them. The fixed fields get 104 bytes, or 112 where the
 * compression is not deflate, or `headerBytes` where that is more.
 *
 * @returns the start of the image's first cluster; what follows in the cluster has to be zero.
 * @throws UsageError `ERR_NBD_ARGUMENT` when it does not fit the first cluster, the name of the backing file is too long, or version 2 is
 *   asked for what only version 3 has.
 */
export function encodeQcow2Header(header: Qcow2Header): Uint8Array {
  requireVersion(header);
  const name = toUtf8.encode(header.backingName ?? '');
  if (name.length > backingNameBytesMax) {
    const message = `the name of a backing file has ${name.length} bytes, expected ${backingNameBytesMax} or fewer`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const fixed = fixedBytes(header);
  const extensions = header.extensions.reduce((sum, { bytes }) => sum + 8 + padded(bytes.length), 8);
  const length = fixed + extensions + name.length;
  if (length > 2 ** header.clusterBits) {
    const message = `a header of ${length} bytes does not fit a cluster of ${2 ** header.clusterBits}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  encodeFixed(view, header, fixed);
  if (header.backingName !== undefined) {
    view.setBigUint64(8, BigInt(fixed + extensions));
    view.setUint32(16, name.length);
    bytes.set(name, fixed + extensions);
  }
  let at = fixed;
  for (const extension of header.extensions) {
    view.setUint32(at, extension.type);
    view.setUint32(at + 4, extension.bytes.length);
    bytes.set(extension.bytes, at + 8);
    at += 8 + padded(extension.bytes.length);
  }
  return bytes;
}

function encodeFixed(view: DataView, header: Qcow2Header, fixed: number): void {
  view.setUint32(0, qcow2Magic);
  view.setUint32(4, header.version);
  view.setUint32(20, header.clusterBits);
  view.setBigUint64(24, header.virtualBytes);
  view.setUint32(32, encryptionMethods.indexOf(header.encryption));
  view.setUint32(36, header.l1Entries);
  view.setBigUint64(40, header.l1Offset);
  view.setBigUint64(48, header.refcountTableOffset);
  view.setUint32(56, header.refcountTableClusters);
  view.setUint32(60, header.snapshotCount);
  view.setBigUint64(64, header.snapshotsOffset);
  if (header.version === 2) return;
  view.setBigUint64(72, header.incompatible);
  view.setBigUint64(80, header.compatible);
  view.setBigUint64(88, header.autoclear);
  view.setUint32(96, header.refcountOrder);
  view.setUint32(100, fixed);
  if (fixed > version3Bytes) view.setUint8(version3Bytes, compressionTypes.indexOf(header.compression));
}

function fixedBytes({ version, compression, headerBytes }: Qcow2Header): number {
  if (version === 2) return version2Bytes;
  return padded(Math.max(headerBytes, compression === 'deflate' ? version3Bytes : longBytes));
}

function requireVersion(header: Qcow2Header): void {
  const { version, incompatible, compatible, autoclear, refcountOrder, compression } = header;
  const isOld = incompatible === 0n && compatible === 0n && autoclear === 0n && refcountOrder === 4;
  if (version === 2 && !(isOld && compression === 'deflate')) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      'version 2 of qcow2 has no feature bits, refcounts of 16 bits, and deflate',
    );
  }
  if ((compression !== 'deflate') !== ((incompatible & Incompatible.CompressionType) !== 0n)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `compression is ${compression}, and its feature bit says otherwise`);
  }
}

function decodeExtensions(area: Uint8Array, start: number): readonly HeaderExtension[] {
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  const extensions: HeaderExtension[] = [];
  let at = start;
  while (at + 8 <= area.length) {
    const type = view.getUint32(at);
    const length = view.getUint32(at + 4);
    if (type === ExtensionType.End) break;
    if (length > area.length - at - 8) {
      throw damagedImage(`the header extension at byte ${at}`, `its ${length} bytes reach past the area of extensions`);
    }
    if (extensions.length === extensionsMax) {
      throw damagedImage(`the header extension at byte ${at}`, `it follows ${extensionsMax} others`);
    }
    extensions.push({ type, bytes: area.subarray(at + 8, at + 8 + length) });
    at += 8 + padded(length);
  }
  return extensions;
}

function decodeBackingName(cluster: Uint8Array, view: DataView): { name: string; offset: number } | undefined {
  const offset = view.getBigUint64(8);
  const length = view.getUint32(16);
  if (offset === 0n) return undefined;
  if (length > backingNameBytesMax) {
    const expected = `expected ${backingNameBytesMax} or fewer`;
    throw damagedImage('the header at byte 16', `the name of the backing file has ${length} bytes, ${expected}`);
  }
  if (offset + BigInt(length) > cluster.length) {
    const place = `bytes ${offset} to ${offset + BigInt(length)}`;
    throw damagedImage('the header at byte 8', `the name of the backing file is in ${place}, past the first cluster`);
  }
  const start = Number(offset);
  return { name: utf8.decode(cluster.subarray(start, start + length)), offset: start };
}

function requireBytes(cluster: Uint8Array, length: number): void {
  if (cluster.length >= length) return;
  throw damagedImage('the header', `it has ${length} bytes, and the first cluster ends after ${cluster.length}`);
}

function method<Name>(names: readonly Name[], number: number, what: string): Name {
  const name = names[number];
  if (name !== undefined) return name;
  const expected = names.map((one, index) => `${index} (${String(one)})`).join(' or ');
  throw new UsageError('ERR_NBD_NOT_SUPPORTED', `qcow2 with ${what} ${number}, expected ${expected}`);
}

function padded(length: number): number {
  return (length + 7) & ~7;
}
