/** The blocks of a dynamic or differencing VHD. */
import { CommandError } from '@nbdjs/interfaces';
import type { ImageFile } from '../device/image-file.ts';
import { PageCache } from '../device/page-cache.ts';
import { holeRun, type Run, type RunMap } from '../device/run.ts';
import type { VhdDynamicHeader } from './dynamic-header.ts';

const sectorBytes = 512;
/** The entry of a block that is not there. */
const unused = 0xffff_ffff;

/** Finds bytes by the table of blocks, and in differencing disks by the bitmap of each block. */
export class VhdBlockMap implements RunMap {
  readonly #file: ImageFile;
  readonly #header: VhdDynamicHeader;
  readonly #below: RunMap | undefined;
  readonly #pages: PageCache;
  /** A block begins with the bitmap of its sectors, in whole sectors. */
  readonly #bitmapBytes: number;

  /** `below`: the parent of a differencing disk. */
  constructor(file: ImageFile, header: VhdDynamicHeader, below: RunMap | undefined, cacheBytes: number) {
    this.#file = file;
    this.#header = header;
    this.#below = below;
    this.#pages = new PageCache(file, cacheBytes);
    this.#bitmapBytes = Math.ceil(header.blockBytes / sectorBytes / 8 / sectorBytes) * sectorBytes;
  }

  async locate(offset: number, length: number): Promise<Run> {
    const { blockBytes, tableOffset } = this.#header;
    const block = Math.floor(offset / blockBytes);
    const skip = offset % blockBytes;
    const place = tableOffset + block * 4;
    const page = await this.#pages.page(place);
    const at = this.#pages.within(place);
    const sector = page.getUint32(at, false);
    if (sector === unused) {
      const wanted = Math.ceil((skip + length) / blockBytes);
      const known = Math.min(wanted, this.#pages.entriesFrom(place, 4), this.#header.tableEntries - block);
      let count = 1;
      while (count < known && page.getUint32(at + count * 4, false) === unused) count++;
      return this.#missing(offset, Math.min(length, count * blockBytes - skip));
    }
    const start = sector * sectorBytes;
    const rest = Math.min(length, blockBytes - skip);
    if (start + this.#bitmapBytes > this.#file.size) {
      throw new CommandError(
        'EIO',
        `the image is damaged: block ${block} at byte ${start} is past the end of the file`,
      );
    }
    if (this.#below !== undefined) return this.#byBitmap(offset, rest, start, skip);
    return { kind: 'stored', file: this.#file, at: start + this.#bitmapBytes + skip, length: rest };
  }

  /** A bit for each sector, the highest of a byte first: 1 where the sector is in this image, 0 where it is the parent's. */
  async #byBitmap(offset: number, length: number, start: number, skip: number): Promise<Run> {
    const first = Math.floor(skip / sectorBytes);
    const end = Math.ceil((skip + length) / sectorBytes);
    const isOwn = await this.#bit(start, first);
    let sector = first + 1;
    while (sector < end && (await this.#bit(start, sector)) === isOwn) sector++;
    const bytes = Math.min(length, sector * sectorBytes - skip);
    if (!isOwn) return this.#missing(offset, bytes);
    return { kind: 'stored', file: this.#file, at: start + this.#bitmapBytes + skip, length: bytes };
  }

  #bit(start: number, sector: number): boolean | Promise<boolean> {
    const place = start + (sector >>> 3);
    const mask = 0x80 >>> (sector & 7);
    const page = this.#pages.page(place);
    const isSet = (view: DataView): boolean => (view.getUint8(this.#pages.within(place)) & mask) !== 0;
    return page instanceof Promise ? page.then(isSet) : isSet(page);
  }

  #missing(offset: number, length: number): Run | Promise<Run> {
    return this.#below === undefined ? holeRun(length) : this.#below.locate(offset, length);
  }
}
