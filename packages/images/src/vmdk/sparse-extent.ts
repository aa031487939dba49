/** A sparse extent: grains that two levels of tables find, compressed or not. */
import { CommandError } from '@nbdjs/interfaces';
import type { Codecs } from '../codecs/codecs.ts';
import { type ImageFile, readStructure } from '../device/image-file.ts';
import { PageCache } from '../device/page-cache.ts';
import { holeRun, type Run, type RunMap } from '../device/run.ts';
import { UnpackedCache } from '../device/unpacked-cache.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { decodeSparseHeader, SparseFlag, type SparseHeader, sectorBytes } from './sparse-header.ts';

/** What is kept of unpacked grains, in bytes. */
const unpackedBytesMax = 4 * 2 ** 20;
/** Before a compressed grain: its first sector in the disk (8 bytes), and its length (4). */
const grainMarkerBytes = 12;
/** Before a stream of deflate: the header of zlib. */
const zlibHeaderBytes = 2;

/** An opened extent. */
export class SparseExtent implements RunMap {
  readonly header: SparseHeader;
  readonly #file: ImageFile;
  readonly #below: RunMap | undefined;
  readonly #codecs: Codecs | undefined;
  readonly #tables: PageCache;
  readonly #unpacked: UnpackedCache;
  readonly #grainBytes: number;
  readonly #coverBytes: number;
  readonly #directory: number;

  /** `below`: what is read where the extent has no grain; zeroes without it. */
  constructor(file: ImageFile, header: SparseHeader, options: SparseExtentOptions) {
    const { below, codecs, cacheBytes } = options;
    this.#file = file;
    this.header = header;
    this.#below = below;
    this.#codecs = codecs;
    this.#tables = new PageCache(file, cacheBytes);
    this.#grainBytes = header.grainSectors * sectorBytes;
    this.#unpacked = new UnpackedCache(unpackedBytesMax, this.#grainBytes);
    this.#coverBytes = this.#grainBytes * header.tableEntries;
    this.#directory = (header.directorySector ?? 0) * sectorBytes;
  }

  async locate(offset: number, length: number): Promise<Run> {
    const table = Math.floor(offset / this.#coverBytes);
    const tableSector = await this.#number(this.#directory + table * 4);
    const inTable = offset % this.#coverBytes;
    const rest = Math.min(length, this.#coverBytes - inTable);
    if (tableSector === 0) return this.#missing(offset, rest);
    return this.#locateGrain(offset, rest, tableSector * sectorBytes);
  }

  async #locateGrain(offset: number, length: number, table: number): Promise<Run> {
    const entry = Math.floor((offset % this.#coverBytes) / this.#grainBytes);
    const skip = offset % this.#grainBytes;
    const place = table + entry * 4;
    const page = await this.#tables.page(place);
    const at = this.#tables.within(place);
    const sector = page.getUint32(at, true);
    const isCompressed = this.header.compression !== 0;
    // Entries that go on in the same way are one run.
    const step = sector === 0 || this.#isZeroed(sector) ? 0 : this.header.grainSectors;
    const inPage = this.#tables.entriesFrom(place, 4);
    const wanted = Math.min(inPage, this.header.tableEntries - entry, Math.ceil((skip + length) / this.#grainBytes));
    let count = 1;
    if (!isCompressed || step === 0) {
      while (count < wanted && page.getUint32(at + count * 4, true) === sector + count * step) count++;
    }
    const bytes = Math.min(length, count * this.#grainBytes - skip);
    if (sector === 0) return this.#missing(offset, bytes);
    if (this.#isZeroed(sector)) return { kind: 'zeroes', length: bytes, isHole: false };
    if (!isCompressed) return { kind: 'stored', file: this.#file, at: sector * sectorBytes + skip, length: bytes };
    const grain = Math.floor(offset / this.#grainBytes);
    const unpack = (): Promise<Uint8Array> => this.#unpacked.get(sector, () => this.#unpack(grain, sector));
    return { kind: 'packed', length: bytes, skip, unpack };
  }

  #isZeroed(sector: number): boolean {
    return sector === 1 && (this.header.flags & SparseFlag.ZeroedGrains) !== 0;
  }

  #missing(offset: number, length: number): Run | Promise<Run> {
    return this.#below === undefined ? holeRun(length) : this.#below.locate(offset, length);
  }

  async #number(place: number): Promise<number> {
    const found = this.#tables.page(place);
    const page = found instanceof Promise ? await found : found;
    return page.getUint32(this.#tables.within(place), true);
  }

  async #unpack(grain: number, sector: number): Promise<Uint8Array> {
    const start = sector * sectorBytes;
    const hasMarker = (this.header.flags & SparseFlag.Markers) !== 0;
    const head = hasMarker ? grainMarkerBytes : 0;
    // Most grains fit this first read; what is longer than unpacked takes a second one.
    const first = await this.#bytes(start, head + this.#grainBytes);
    if (first.length <= head + zlibHeaderBytes) throw damagedGrain(start, 'it is past the end of the file');
    let packed = first.subarray(head);
    if (hasMarker) {
      const view = new DataView(first.buffer, first.byteOffset, first.length);
      const owner = view.getBigUint64(0, true);
      const length = view.getUint32(8, true);
      if (owner !== BigInt(grain) * BigInt(this.header.grainSectors)) {
        throw damagedGrain(start, `it belongs to sector ${owner}, expected ${grain * this.header.grainSectors}`);
      }
      // Deflate never makes anything much longer than it was.
      if (length > this.#grainBytes * 2 + sectorBytes) throw damagedGrain(start, `it has ${length} bytes`);
      const whole = length <= packed.length ? packed : await this.#bytes(start + head, length);
      packed = whole.subarray(0, length);
    }
    // What the file has no room for was cut off, and is reported by the codec.
    const bytes = new Uint8Array(this.#grainBytes);
    const inDisk = this.header.capacity * sectorBytes - grain * bytes.length;
    try {
      await this.#inflate(packed.subarray(zlibHeaderBytes), bytes, inDisk);
    } catch (error) {
      throw damagedGrain(start, error instanceof Error ? error.message : String(error), error);
    }
    return bytes;
  }

  /** Most writers fill up the last grain of a disk; others end it where the disk ends. */
  async #inflate(packed: Uint8Array, target: Uint8Array, inDisk: number): Promise<void> {
    try {
      await this.#codecs?.inflateRaw(packed, target);
    } catch (error) {
      if (inDisk >= target.length) throw error;
      await this.#codecs?.inflateRaw(packed, target.subarray(0, inDisk));
    }
  }

  /** Up to so many bytes; fewer where the file ends. */
  async #bytes(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#file.size - offset)));
    if (bytes.length > 0) await this.#file.read(offset, bytes);
    return bytes;
  }
}

/** How an extent is opened. */
export interface SparseExtentOptions {
  readonly below?: RunMap | undefined;
  readonly codecs: Codecs | undefined;
  readonly cacheBytes: number;
}

/**
 * Reads the header of a sparse extent, or its footer where only that has the place of the tables.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged; `ERR_NBD_NOT_SUPPORTED` when its grains cannot be unpacked here.
 */
export async function readSparseHeader(
  file: ImageFile,
  codecs: Codecs | undefined,
  signal?: AbortSignal,
): Promise<SparseHeader> {
  const first = decodeSparseHeader(await readStructure(file, 'the header', 0, sectorBytes, signal), 'the header');
  const header = first.directorySector === undefined ? await readFooter(file, first, signal) : first;
  const tables = Math.ceil(header.capacity / (header.grainSectors * header.tableEntries));
  const end = (header.directorySector ?? 0) * sectorBytes + tables * 4;
  if (end > file.size) {
    throw damagedImage('the grain directory', `it ends at byte ${end}, and the file at ${file.size}`);
  }
  if (header.compression !== 0 && codecs === undefined) {
    throw unsupportedImage("the image is compressed with deflate, and no option 'codecs' says how to inflate it");
  }
  return header;
}

/** The footer is a copy of the header, before the marker of the stream's end. */
async function readFooter(
  file: ImageFile,
  first: SparseHeader,
  signal: AbortSignal | undefined,
): Promise<SparseHeader> {
  const place = `the footer at byte ${file.size - 2 * sectorBytes}`;
  const bytes = await readStructure(file, place, file.size - 2 * sectorBytes, sectorBytes, signal);
  const footer = decodeSparseHeader(bytes, place);
  const isSame = footer.capacity === first.capacity && footer.grainSectors === first.grainSectors;
  if (footer.directorySector === undefined || !isSame) throw damagedImage(place, 'it does not fit the header');
  return footer;
}

function damagedGrain(place: number, message: string, cause?: unknown): CommandError {
  return new CommandError('EIO', `the image is damaged: the grain at byte ${place}: ${message}`, { cause });
}
