/** Changes of the size of a disk: its L1 table has to be long enough, and what the image keeps for other sizes must not be there. */
import { CommandError } from '@nbdjs/interfaces';
import type { WritableFile } from '../../device/writable-file.ts';
import { unsupportedImage } from '../../image-errors.ts';
import type { Qcow2Header } from '../header.ts';
import { l1BytesMax, virtualBytesMax } from '../limits.ts';
import type { BitmapResizer } from './bitmap-resizer.ts';
import type { HeaderFields } from './header-fields.ts';
import type { ReferenceTables } from './reference-tables.ts';
import type { TableStore } from './table-store.ts';

/** What a change of the size needs. */
export interface ResizerParts {
  readonly file: WritableFile;
  readonly header: HeaderFields;
  readonly tables: ReferenceTables;
  readonly store: TableStore;
  /** The file with the clusters, if it is another one. */
  readonly dataFile: WritableFile | undefined;
  readonly bitmaps: BitmapResizer;
  readonly opened: Pick<Qcow2Header, 'version' | 'snapshotCount'>;
}

export class Resizer {
  readonly #parts: ResizerParts;

  constructor(parts: ResizerParts) {
    this.#parts = parts;
  }

  /**
   * Makes the tables long enough for a disk of so many bytes.
   *
   * @throws UsageError `ERR_NBD_NOT_SUPPORTED` for images of version 2 with snapshots, which have no size XX
   */
  async prepare(size: bigint): Promise<void> {
    const { tables, opened, dataFile, bitmaps } = this.#parts;
    bitmaps.judge(size);
    if (opened.version === 2 && opened.snapshotCount > 0) {
      throw unsupportedImage('an image of version 2 with snapshots cannot be resized');
    }
    const entries = Math.ceil(Number(size) / (tables.clusterBytes * tables.perTable));
    if (size > virtualBytesMax || 8 * entries > l1BytesMax) {
      throw new CommandError('ENOSPC', `a disk of ${size} bytes is too large for clusters of ${tables.clusterBytes}`);
    }
    await tables.growL1(entries);
    if (dataFile !== undefined) await dataFile.require(Number(size));
  }

  /** Stores the new size, after all that belongs to it. */
  async store(old: bigint, size: bigint): Promise<void> {
    const { file, header, store, bitmaps } = this.#parts;
    await store.commit();
    await bitmaps.resize(old, size, async () => {
      await header.store({ virtualBytes: size });
      await file.flush();
    });
  }
}
