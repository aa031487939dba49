/** New qcow2 images. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { WritableFile } from '../../device/writable-file.ts';
import { allUnits, encodeEntry } from '../cluster-entry.ts';
import { encodeQcow2Header } from '../header.ts';
import { refcountBits } from '../refcount-bits.ts';
import {
  headerOf,
  type ImageLayout,
  imageShapeOptions,
  judgeShape,
  layoutOf,
  type Qcow2Shape,
  type ShapeSettings,
} from './image-shape.ts';

const ownFlag = 2n ** 63n;
/** Tables are written in pieces of so many bytes. */
const pieceBytes = 2 ** 20;

/**
 * Makes a file an empty qcow2 image; what was in it is lost. The file gets the length that it needs, where it can be resized. The header comes
 * last: a creation that was cut off leaves no image.
 *
 * @param file the device that will hold the image; it stays open
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong, and for options that do not go together; `ERR_NBD_READ_ONLY` when
 *   the file cannot be written to; CommandError `ENOSPC` when it is too short.
 */
export async function createQcow2(file: BlockDevice, options: Qcow2Shape): Promise<void> {
  const shape = imageShapeOptions.resolve('createQcow2', options);
  judgeShape('createQcow2', shape);
  if (file.abilities.readOnly)
    throw new UsageError('ERR_NBD_READ_ONLY', 'the file for the image is open for reading only');
  const layout = layoutOf(shape);
  // What does not fit the header is known before anything is lost.
  const header = encodeQcow2Header(headerOf(shape, layout));
  await emptyFile(file);
  const bytes = new WritableFile(file);
  await bytes.require(layout.count * shape.clusterBytes);
  await writeTables(bytes, shape, layout);
  await bytes.flush();
  const first = new Uint8Array(Math.max(shape.clusterBytes, bytes.blockBytes));
  first.set(header);
  await bytes.write(0, first.subarray(0, Math.min(first.length, bytes.size)));
  await bytes.flush();
  await file.resizing?.resize(layout.count * shape.clusterBytes);
}

/** After this, the file is no image of any kind. */
export async function emptyFile(file: BlockDevice, { signal }: Abortable = {}): Promise<void> {
  if (file.resizing !== undefined) {
    await file.resizing.resize(0, { signal });
    return;
  }
  const block = Math.max(file.geometry.minimumBlockSize, 4096);
  await file.write(0, new Uint8Array(Math.min(block, Number(file.geometry.size))));
  if (file.abilities.flush) await file.flush();
}

/** All clusters of the tables: the file may be a device with old bytes. */
async function writeTables(file: WritableFile, shape: ShapeSettings, layout: ImageLayout): Promise<void> {
  const { clusterBytes, refcountBits: bits } = shape;
  const { set } = refcountBits(Math.log2(bits));
  const tables = new Uint8Array((layout.l1First - 1) * clusterBytes);
  const view = new DataView(tables.buffer);
  for (let index = 0; index < layout.blockCount; index++) {
    view.setBigUint64(8 * index, BigInt((layout.blockFirst + index) * clusterBytes));
  }
  // The blocks follow each other, so they are one long list of refcounts.
  const blocks = new DataView(tables.buffer, (layout.blockFirst - 1) * clusterBytes);
  for (let cluster = 0; cluster < layout.count; cluster++) set(blocks, cluster, 1);
  await file.write(clusterBytes, tables);
  const l1 = new DataView(new ArrayBuffer(layout.l1Count * clusterBytes));
  for (let index = 0; index < layout.l2Count; index++) {
    l1.setBigUint64(8 * index, BigInt((layout.l2First + index) * clusterBytes) | ownFlag);
  }
  for (let at = 0; at < l1.byteLength; at += pieceBytes) {
    await file.write(
      layout.l1First * clusterBytes + at,
      new Uint8Array(l1.buffer, at, Math.min(pieceBytes, l1.byteLength - at)),
    );
  }
  for (let index = 0; index < layout.l2Count; index++) {
    await file.write((layout.l2First + index) * clusterBytes, placesInDataFile(index, shape));
  }
}

/** An L2 table by which each cluster has the place in the data file that it has on the disk. */
function placesInDataFile(index: number, { clusterBytes, extendedL2, size }: ShapeSettings): Uint8Array {
  const entryBytes = extendedL2 ? 16 : 8;
  const perTable = clusterBytes / entryBytes;
  const table = new Uint8Array(clusterBytes);
  const view = new DataView(table.buffer);
  const format = { clusterBits: Math.log2(clusterBytes), isExtended: extendedL2, hasDataFile: true, hasZeroFlag: true };
  for (let within = 0; within < perTable; within++) {
    const host = (index * perTable + within) * clusterBytes;
    if (host >= Number(size)) break;
    const entry = { host, isOwn: true, packedBytes: 0, stored: allUnits(format), zero: 0 };
    encodeEntry(view, within * entryBytes, entry, format);
  }
  return table;
}
