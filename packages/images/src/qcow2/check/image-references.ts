/** Everything in an image that refers to clusters of its file. Tables that are shared are read once, and count as often as they are used. */
import type { FileBytes } from '../../device/image-file.ts';
import { type Qcow2Bitmap, readBitmaps } from '../bitmaps.ts';
import { Incompatible } from '../features.ts';
import type { Qcow2Header } from '../header.ts';
import { bitmapsExtension } from '../header-extensions.ts';
import { readSnapshotTable } from '../snapshots.ts';

/** A part of the file that is in use. */
interface UsedSpan {
  readonly offset: number;
  readonly bytes: number;
  /** What it is, for messages. */
  readonly what: string;
  /** It has the refcounts, which a repair may put elsewhere. */
  readonly isRefcounts?: boolean;
}

/** An L1 table, and how many snapshots (and the disk) use it. */
interface UsedL1 {
  readonly offset: number;
  readonly entries: number;
  readonly times: number;
  /** The disk's own, as it is now. */
  readonly isActive: boolean;
  readonly what: string;
}

/** What an image refers to besides L2 tables and clusters of disks. */
export interface ImageReferences {
  readonly spans: readonly UsedSpan[];
  readonly l1Tables: readonly UsedL1[];
  readonly bitmaps: readonly Qcow2Bitmap[];
  readonly hasDataFile: boolean;
}

/** @throws UsageError `ERR_NBD_IMAGE` when the lists of snapshots or bitmaps are damaged. */
export async function findReferences(
  file: FileBytes,
  header: Qcow2Header,
  signal?: AbortSignal,
): Promise<ImageReferences> {
  const clusterBytes = 2 ** header.clusterBits;
  const spans: UsedSpan[] = [{ offset: 0, bytes: clusterBytes, what: 'the header' }];
  spans.push({
    offset: Number(header.refcountTableOffset),
    bytes: header.refcountTableClusters * clusterBytes,
    what: 'the refcount table',
    isRefcounts: true,
  });
  const { snapshots, bytes } = await readSnapshotTable(file, header, signal);
  if (snapshots.length > 0) {
    spans.push({ offset: Number(header.snapshotsOffset), bytes, what: 'the table of snapshots' });
  }
  const bitmaps = await readBitmaps(file, header, signal);
  const directory = bitmapsExtension(header.extensions);
  if (bitmaps.length > 0 && directory !== undefined) {
    const { directoryOffset, directoryBytes } = directory;
    spans.push({
      offset: Number(directoryOffset),
      bytes: Number(directoryBytes),
      what: 'the directory of bitmaps',
    });
  }
  for (const { name, table } of bitmaps) {
    if (table.entries > 0) {
      spans.push({ offset: table.offset, bytes: 8 * table.entries, what: `the table of bitmap '${name}'` });
    }
  }
  const l1Tables = new Map<string, UsedL1>();
  const all = [
    { ...header, isActive: true, what: 'the L1 table' },
    ...snapshots.map((one) => ({ ...one, isActive: false, what: `the L1 table of snapshot '${one.name}'` })),
  ];
  for (const { l1Offset, l1Entries, isActive, what } of all) {
    if (l1Entries === 0) continue;
    const key = `${l1Offset} ${l1Entries}`;
    const known = l1Tables.get(key);
    const l1 = { offset: Number(l1Offset), entries: l1Entries, isActive, what, times: 1 };
    l1Tables.set(key, known === undefined ? l1 : { ...known, times: known.times + 1 });
  }
  const hasDataFile = (header.incompatible & Incompatible.ExternalData) !== 0n;
  return { spans, l1Tables: [...l1Tables.values()], bitmaps, hasDataFile };
}
