/** Whether an image can be read, by its header: each number is held to its bound before it is used. */
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { Incompatible, nameFeatures } from './features.ts';
import type { Qcow2Header } from './header.ts';
import { featureNames } from './header-extensions.ts';
import { l1BytesMax, refcountTableBytesMax, virtualBytesMax } from './limits.ts';

const known =
  Incompatible.Dirty |
  Incompatible.Corrupt |
  Incompatible.ExternalData |
  Incompatible.CompressionType |
  Incompatible.ExtendedL2;

/** With subclusters, clusters have at least this many bytes. */
const extendedClusterBitsMin = 14;

/**
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` for what cannot be read here: encryption, features that we do not know, disks that are too
 *   large; `ERR_NBD_IMAGE` for what makes no sense.
 */
export function judgeHeader(header: Qcow2Header, fileBytes: number): void {
  const { incompatible, encryption, clusterBits, virtualBytes, refcountTableClusters } = header;
  const unknown = nameFeatures('incompatible', incompatible & ~known, featureNames(header.extensions));
  if (unknown.length > 0) {
    throw unsupportedImage(
      `the image has features that are not known here: ${unknown.map((one) => `'${one}'`).join(', ')}`,
    );
  }
  if (encryption !== 'none') {
    const name = encryption === 'luks' ? 'LUKS' : "qcow2's own AES";
    throw unsupportedImage(`the image is encrypted with ${name}, which cannot be read here`);
  }
  if (((incompatible & Incompatible.CompressionType) !== 0n) !== (header.compression !== 'deflate')) {
    throw damagedImage(
      'the header at byte 104',
      `compression is ${header.compression}, and its feature bit says otherwise`,
    );
  }
  if ((incompatible & Incompatible.ExtendedL2) !== 0n && clusterBits < extendedClusterBitsMin) {
    const expected = `expected 2^${extendedClusterBitsMin} or more with subclusters`;
    throw damagedImage('the header at byte 20', `clusters have 2^${clusterBits} bytes, ${expected}`);
  }
  if (virtualBytes > virtualBytesMax) {
    throw unsupportedImage(`the disk has ${virtualBytes} bytes, expected ${virtualBytesMax} or fewer`);
  }
  if (refcountTableClusters * 2 ** clusterBits > refcountTableBytesMax) {
    const message = `the refcount table has ${refcountTableClusters} clusters, expected ${refcountTableBytesMax} bytes or fewer`;
    throw damagedImage('the header at byte 56', message);
  }
  judgeL1('the header at byte 36', header, { ...header, fileBytes });
}

/** An L1 table: the image's, or that of a snapshot. */
export interface L1Table {
  /** The size of the disk that it covers, in bytes. */
  readonly virtualBytes: bigint;
  /** How many entries it has. */
  readonly l1Entries: number;
  /** Where it begins, in bytes. */
  readonly l1Offset: bigint;
  /** The length of the file. */
  readonly fileBytes: number;
}

/** @throws UsageError `ERR_NBD_IMAGE` when an L1 table is too short, too long, or not inside of the file. */
export function judgeL1(
  place: string,
  { clusterBits, incompatible }: Qcow2Header,
  { virtualBytes, l1Entries, l1Offset, fileBytes }: L1Table,
): void {
  const entryBits = (incompatible & Incompatible.ExtendedL2) === 0n ? 3 : 4;
  const covered = 2n ** BigInt(2 * clusterBits - entryBits);
  const needed = (virtualBytes + covered - 1n) / covered;
  if (l1Entries > l1BytesMax / 8) {
    throw damagedImage(place, `the L1 table has ${l1Entries} entries, expected ${l1BytesMax / 8} or fewer`);
  }
  if (BigInt(l1Entries) < needed) {
    throw damagedImage(
      place,
      `the L1 table has ${l1Entries} entries, and a disk of ${virtualBytes} bytes needs ${needed}`,
    );
  }
  if (l1Entries > 0 && l1Offset % 2n ** BigInt(clusterBits) !== 0n) {
    throw damagedImage(place, `the L1 table at byte ${l1Offset} is not at the start of a cluster`);
  }
  const end = l1Offset + 8n * BigInt(l1Entries);
  if (end > fileBytes) {
    throw damagedImage(place, `the L1 table ends at byte ${end}, and the file at ${fileBytes}`);
  }
}
