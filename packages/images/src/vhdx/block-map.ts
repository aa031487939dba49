/** The blocks of a VHDX ([MS-VHDX] 2.5, "Blocks"). */
import { CommandError } from '@nbdjs/interfaces';
import type { FileBytes } from '../device/image-file.ts';
import { PageCache } from '../device/page-cache.ts';
import { holeRun, type Run, type RunMap } from '../device/run.ts';
import type { VhdxMetadata } from './metadata.ts';
import type { Region } from './region-table.ts';

/** States of a block of the disk. */
const State = { NotPresent: 0, Undefined: 1, Zero: 2, Unmapped: 3, FullyPresent: 6, PartiallyPresent: 7 } as const;
const stateMask = 7n;
const mebibyte = 2 ** 20;
/** A bitmap of sectors has 1 MiB, so that it covers 2^23 sectors. */
const sectorsOfBitmap = 2 ** 23;

/** How many entries of the table there are for the blocks of one bitmap. */
export function chunkRatio({ blockBytes, logicalSectorBytes }: VhdxMetadata): number {
  return (sectorsOfBitmap * logicalSectorBytes) / blockBytes;
}

/** Finds bytes by the block allocation table, and in partly present blocks by the bitmap of sectors. */
export class VhdxBlockMap implements RunMap {
  readonly #file: FileBytes;
  readonly #bat: Region;
  readonly #metadata: VhdxMetadata;
  readonly #below: RunMap | undefined;
  readonly #pages: PageCache;
  readonly #ratio: number;

  /** `below`: the parent of a differencing disk. */
  constructor(file: FileBytes, bat: Region, metadata: VhdxMetadata, below: RunMap | undefined, cacheBytes: number) {
    this.#file = file;
    this.#bat = bat;
    this.#metadata = metadata;
    this.#below = below;
    this.#pages = new PageCache(file, cacheBytes);
    this.#ratio = chunkRatio(metadata);
  }

  async locate(offset: number, length: number): Promise<Run> {
    const { blockBytes } = this.#metadata;
    const block = Math.floor(offset / blockBytes);
    const skip = offset % blockBytes;
    const rest = Math.min(length, blockBytes - skip);
    const entry = await this.#entry(block + Math.floor(block / this.#ratio));
    const state = Number(entry & stateMask);
    switch (state) {
      case State.NotPresent:
        return this.#below === undefined
          ? holeRun(await this.#absentLength(length, block, skip))
          : this.#below.locate(offset, rest);
      case State.Undefined:
      case State.Zero:
      case State.Unmapped:
        return holeRun(rest);
      case State.FullyPresent:
        return { kind: 'stored', file: this.#file, at: placeOf(entry) + skip, length: rest };
      case State.PartiallyPresent:
        if (this.#below !== undefined) return this.#bySectors(offset, rest, block, placeOf(entry));
    }
    throw damaged(`block ${block} has the state ${state}`);
  }

  /** Blocks that are not there either are the same run, as far as the table's page reaches. */
  async #absentLength(length: number, block: number, skip: number): Promise<number> {
    const { blockBytes } = this.#metadata;
    const inChunk = block % this.#ratio;
    const place = this.#place(block + Math.floor(block / this.#ratio));
    const page = await this.#pages.page(place);
    const at = this.#pages.within(place);
    const wanted = Math.ceil((skip + length) / blockBytes);
    const known = Math.min(wanted, this.#pages.entriesFrom(place, 8), this.#ratio - inChunk);
    let count = 1;
    while (count < known && (page.getUint8(at + count * 8) & 7) === State.NotPresent) count++;
    return Math.min(length, count * blockBytes - skip);
  }

  /** A bit for each sector, the lowest of a byte first: 1 where the sector is in this image, 0 where it is the parent's. */
  async #bySectors(offset: number, length: number, block: number, start: number): Promise<Run> {
    const { logicalSectorBytes: sector, blockBytes } = this.#metadata;
    const chunk = Math.floor(block / this.#ratio);
    const entry = await this.#entry((chunk + 1) * this.#ratio + chunk);
    if (Number(entry & stateMask) !== State.FullyPresent) throw damaged(`the bitmap of block ${block} is not there`);
    const bitmap = placeOf(entry);
    const chunkStart = chunk * this.#ratio * blockBytes;
    const first = Math.floor((offset - chunkStart) / sector);
    const end = Math.ceil((offset + length - chunkStart) / sector);
    const isOwn = await this.#bit(bitmap, first);
    let next = first + 1;
    while (next < end && (await this.#bit(bitmap, next)) === isOwn) next++;
    const bytes = Math.min(length, chunkStart + next * sector - offset);
    if (!isOwn && this.#below !== undefined) return this.#below.locate(offset, bytes);
    return { kind: 'stored', file: this.#file, at: start + (offset % blockBytes), length: bytes };
  }

  #bit(bitmap: number, sector: number): boolean | Promise<boolean> {
    const place = bitmap + (sector >>> 3);
    const mask = 1 << (sector & 7);
    const page = this.#pages.page(place);
    const isSet = (view: DataView): boolean => (view.getUint8(this.#pages.within(place)) & mask) !== 0;
    return page instanceof Promise ? page.then(isSet) : isSet(page);
  }

  #place(index: number): number {
    return this.#bat.offset + index * 8;
  }

  async #entry(index: number): Promise<bigint> {
    if (index * 8 >= this.#bat.length) throw damaged(`the BAT has no entry ${index}`);
    const place = this.#place(index);
    const page = await this.#pages.page(place);
    return page.getBigUint64(this.#pages.within(place), true);
  }
}

/** Where a block is, in bytes: the entry counts in MiB, above its lower 20 bits. */
function placeOf(entry: bigint): number {
  return Number(entry >> 20n) * mebibyte;
}

function damaged(message: string): CommandError {
  return new CommandError('EIO', `the image is damaged: ${message}`);
}
