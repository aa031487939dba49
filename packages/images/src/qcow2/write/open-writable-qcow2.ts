/** Opening a qcow2 image for writing. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, RangeLock, type SettingsOf } from '@nbdjs/kit';
import { ImageFile } from '../../device/image-file.ts';
import { References } from '../../device/opening.ts';
import { WritableFile } from '../../device/writable-file.ts';
import { damagedImage, quoted, unsupportedImage } from '../../image-errors.ts';
import type { ImageDevice } from '../../image-facts.ts';
import { usableBitmaps } from '../bitmap-map.ts';
import { type Qcow2Bitmap, readBitmaps } from '../bitmaps.ts';
import { checkQcow2 } from '../check/check-qcow2.ts';
import { entryFormat } from '../cluster-entry.ts';
import { ClusterReader } from '../cluster-reader.ts';
import { qcow2Facts } from '../facts.ts';
import { Autoclear, Compatible, Incompatible } from '../features.ts';
import type { Qcow2Header } from '../header.ts';
import { judgeHeader } from '../judge-header.ts';
import { clusterMap, clusterOptions, openDataFile, packedClusters, requireCodec } from '../open-qcow2.ts';
import { readQcow2Header } from '../read-header.ts';
import { readSnapshots } from '../snapshots.ts';
import { Allocator } from './allocator.ts';
import { BitmapRecorder } from './bitmap-recorder.ts';
import { BitmapResizer } from './bitmap-resizer.ts';
import { HeaderFields } from './header-fields.ts';
import { ReadTurns } from './read-turns.ts';
import { Refcounts } from './refcounts.ts';
import { ReferenceTables } from './reference-tables.ts';
import { Resizer } from './resizer.ts';
import { TablePages } from './table-pages.ts';
import { TableStore } from './table-store.ts';
import { WritableQcow2 } from './writable-qcow2.ts';

export const writableQcow2Options = defineOptions(clusterOptions);

/** How a qcow2 image is opened for writing. */
export interface WritableQcow2Options extends OptionsOf<typeof writableQcow2Options> {}

/** Pages of tables are not written in pieces of blocks. */
const blockBytesMax = 8192;

/**
 * Opens a qcow2 image for reading and writing, as a device that closes `file`, and what the image refers to, when it is closed. Closing stores
 * what has not been stored yet; without it, what was written since the last flush may be lost, and the image is valid all the same.
 *
 * An image that is marked as dirty is repaired first. Files with the clusters of an image are opened by `resolve` for writing, and images below it are only read.
 *
 * @param file the device that holds the image. Only one program may write to it at a time. Where it cannot grow (`resizing`), requests fail with
 *   `ENOSPC` when it is full.
 * @throws UsageError `ERR_NBD_READ_ONLY` when `file` cannot be written to; `ERR_NBD_IMAGE` when it is no qcow2 image or is damaged;
 *   `ERR_NBD_NOT_SUPPORTED` when it is encrypted, has features or bitmaps that are not known here, or refers to a file and there is no `resolve`;
 *   `ERR_NBD_ARGUMENT` for an option that is unknown or wrong. What the image refers to is closed again then, and `file` is not.
 */
export async function openWritableQcow2(file: BlockDevice, options: WritableQcow2Options = {}): Promise<ImageDevice> {
  const settings = writableQcow2Options.resolve('openWritableQcow2', options);
  const { signal } = settings;
  if (file.abilities.readOnly)
    throw new UsageError('ERR_NBD_READ_ONLY', 'the file of the image is open for reading only');
  const opened = await readQcow2Header(file, { signal });
  const bytes = new WritableFile(file);
  judgeHeader(opened, bytes.size);
  judgeWriting(opened, bytes);
  requireCodec(opened, settings);
  const header = (opened.incompatible & Incompatible.Dirty) === 0n ? opened : await repairDirty(file, signal);
  const references = new References(settings);
  return references.during(async () => {
    const dataFile = await openDataFile(header, references);
    if (dataFile?.abilities.readOnly === true) {
      throw new UsageError('ERR_NBD_READ_ONLY', 'the data file of the image is open for reading only');
    }
    const { backing } = qcow2Facts(header, [], []);
    const below = backing && (await references.open('backing', backing.name, backing.format));
    return openParts({
      file: bytes,
      header,
      settings,
      dataFile: dataFile && new WritableFile(dataFile),
      backing: below && new ImageFile(below),
      owned: [file, ...references.opened],
    });
  });
}

interface OpenedParts {
  readonly file: WritableFile;
  readonly header: Qcow2Header;
  readonly settings: SettingsOf<typeof writableQcow2Options>;
  readonly dataFile: WritableFile | undefined;
  readonly backing: ImageFile | undefined;
  readonly owned: readonly BlockDevice[];
}

async function openParts(opened: OpenedParts): Promise<ImageDevice> {
  const { file, header, settings, dataFile, backing } = opened;
  const { signal, cacheBytes } = settings;
  const clusterBytes = 2 ** header.clusterBits;
  const snapshots = await readSnapshots(file, header, signal);
  const bitmaps = await readBitmaps(file, header, signal);
  judgeBitmaps(bitmaps);
  await endAtCluster(file, clusterBytes);
  const fields = await HeaderFields.read(file);
  await forgetUnknown(file, header, fields);
  const pages = new TablePages(file, cacheBytes, clusterBytes);
  const refcounts = await Refcounts.read(file, pages, header, signal);
  const isReserved = (cluster: number): boolean => {
    const l1 = tables.l1Offset / clusterBytes;
    return cluster === 0 || (cluster >= l1 && cluster * clusterBytes < tables.l1Offset + 8 * tables.l1Entries);
  };
  const allocator = new Allocator({ file, pages, refcounts, clusterBytes, isReserved });
  const map = clusterMap(pages, header);
  const tables: ReferenceTables = new ReferenceTables({
    pages,
    allocator,
    format: entryFormat(header),
    l1Offset: Number(header.l1Offset),
    l1Entries: header.l1Entries,
    onMove: () => map.moved(tables.l1Offset, tables.l1Entries),
  });
  const data = dataFile ?? file;
  const reader = new ClusterReader({ map, data, packed: packedClusters(file, header, settings), backing });
  const reads = new ReadTurns();
  const { incompatible } = header;
  const isLazy = (header.compatible & Compatible.LazyRefcounts) !== 0n;
  const common = { file, dataFile, pages, refcounts, tables, allocator, header: fields, reads };
  const store = new TableStore({ ...common, incompatible, isLazy, changedBytesMax: cacheBytes });
  const bits = { pages, allocator, store, bitmaps, clusterBytes };
  const recorder = new BitmapRecorder(bits);
  return new WritableQcow2({
    image: qcow2Facts(header, snapshots, bitmaps),
    disk: {
      tables,
      allocator,
      refcounts,
      store,
      reader,
      data,
      hasDataFile: dataFile !== undefined,
      isRawDataFile: (header.autoclear & Autoclear.RawExternalData) !== 0n,
      backingBytes: backing?.size ?? 0,
      locks: new RangeLock(),
      isReserved,
    },
    map,
    recorder,
    bitmaps: usableBitmaps(pages, bitmaps, clusterBytes),
    reads,
    backing,
    resizer: new Resizer({
      file,
      header: fields,
      tables,
      store,
      dataFile,
      opened: header,
      bitmaps: new BitmapResizer({ ...bits, recorder }),
    }),
    file,
    owned: opened.owned,
  });
}

/** @throws UsageError for images that can only be read. */
function judgeWriting(header: Qcow2Header, file: WritableFile): void {
  const { incompatible, clusterBits } = header;
  if ((incompatible & Incompatible.Corrupt) !== 0n) {
    throw damagedImage(
      'the header at byte 72',
      'the image is marked as corrupt, so that it can only be read, or repaired',
    );
  }
  const most = Math.min(blockBytesMax, 2 ** clusterBits);
  if (file.blockBytes > most) {
    throw unsupportedImage(`the device below has blocks of ${file.blockBytes} bytes, expected ${most} or fewer`);
  }
}

/** A program has ended without storing all refcounts: they are found again from the references. */
async function repairDirty(file: BlockDevice, signal: AbortSignal | undefined): Promise<Qcow2Header> {
  const { corruptions, findings } = await checkQcow2(file, { repair: 'all', signal });
  if (corruptions > 0) {
    const first = findings.find((one) => one.kind === 'corruption' && !one.isRepaired)?.message ?? 'see a check of it';
    throw damagedImage('the image is marked as dirty, and could not be repaired', first);
  }
  return readQcow2Header(file, { signal });
}

/** @throws UsageError for a bitmap that follows what is written, and has data that are not known here. */
function judgeBitmaps(bitmaps: readonly Qcow2Bitmap[]): void {
  const found = bitmaps.find((one) => one.isAuto && !one.inUse && !one.isUsable);
  if (found === undefined) return;
  throw unsupportedImage(
    `bitmap ${quoted(found.name)} has data that are not known here, and would be wrong after a write`,
  );
}

/** An image may end within its last cluster; tables there are stored by pages. */
async function endAtCluster(file: WritableFile, clusterBytes: number): Promise<void> {
  const end = Math.ceil(file.size / clusterBytes) * clusterBytes;
  if (file.size === end || file.device.resizing === undefined) return;
  await file.require(end);
  file.use(end);
}

/** Features that a writer has to know to keep them right end here. */
async function forgetUnknown(
  file: WritableFile,
  { version, autoclear }: Qcow2Header,
  fields: HeaderFields,
): Promise<void> {
  const known = autoclear & (Autoclear.Bitmaps | Autoclear.RawExternalData);
  if (version === 2 || known === autoclear) return;
  await fields.store({ autoclear: known });
  await file.flush();
}
