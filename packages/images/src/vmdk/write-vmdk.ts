/** A disk as a stream-optimised VMDK, written from its start to its end: what an OVA has, and what virtualisation products import. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, isZero, type OptionsOf, option, ReadAhead } from '@nbdjs/kit';
import { adler32 } from '../bytes/checksums.ts';
import type { Codecs } from '../codecs/codecs.ts';
import { dataBlocks, readBlock } from '../device/data-blocks.ts';
import { ImageFile } from '../device/image-file.ts';
import { unsupportedImage } from '../image-errors.ts';
import { sectorBytes } from './sparse-header.ts';
import {
  encodeMarker,
  encodeStreamDescriptor,
  encodeStreamHeader,
  Marker,
  streamGrainSectors,
  streamOverheadSectors,
  streamTableEntries,
} from './sparse-header-encoder.ts';

export const writeVmdkOptions = defineOptions({
  /** How grains are deflated (`deflateRaw`). */
  codecs: option.object<Codecs>({ required: true, doc: 'How grains are deflated (`deflateRaw`).' }),
  /** How much is spent on compressing, as the codec counts. @default the codec's own */
  level: option.count({
    zero: 'no compression',
    defaultText: "the codec's own",
    doc: 'How much is spent on compressing, as the codec counts.',
  }),
  /** The name of the file, which is in its descriptor. @default 'disk.vmdk' */
  name: option.text({ default: 'disk.vmdk', doc: 'The name of the file, which is in its descriptor.' }),
  /** How many grains of 64 KiB are read and deflated at the same time. @default 8 */
  parallel: option.count({ default: 8, doc: 'How many grains of 64 KiB are read and deflated at the same time.' }),
  /** Ends the stream when it is aborted. */
  signal: option.signal({ doc: 'Ends the stream when it is aborted.' }),
});

/** How a VMDK is written. */
export interface WriteVmdkOptions
  extends Partial<Omit<OptionsOf<typeof writeVmdkOptions>, 'codecs'>>,
    Pick<OptionsOf<typeof writeVmdkOptions>, 'codecs'>,
    Abortable {}

const grainBytes = streamGrainSectors * sectorBytes;
const tableBytes = streamTableEntries * 4;
/** Places in the file are in sectors, of 32 bits. */
const sectorsMax = 2 ** 32;

interface Grain {
  readonly index: number;
  /** `undefined`: it is all zero, and is left out. */
  readonly packed: Uint8Array | undefined;
}

/**
 * Writes a disk as a stream-optimised VMDK. Zeroes are left out. The stream needs no seeking; each chunk belongs to the caller.
 *
 * @throws UsageError (while iterating) `ERR_NBD_NOT_SUPPORTED` when the file would have 2 TiB or more; and what reading the disk throws.
 */
export async function* writeVmdkStream(disk: BlockDevice, options: WriteVmdkOptions): AsyncGenerator<Uint8Array> {
  const { codecs, level, name, parallel, signal } = writeVmdkOptions.resolve('writeVmdkStream', options);
  const { deflateRaw } = codecs;
  if (deflateRaw === undefined) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', "a stream-optimised VMDK needs 'deflateRaw', which the codecs lack");
  }
  const source = new ImageFile(disk);
  const capacity = Math.ceil(source.size / sectorBytes);
  const blocks = dataBlocks(disk, grainBytes, signal);
  const grains = new ReadAhead<Grain>(parallel, async () => {
    const next = await blocks.next();
    if (next.done === true) return undefined;
    const index = next.value;
    const pack = async (): Promise<Grain> => {
      const bytes = await readBlock(source, index, grainBytes, signal);
      if (isZero(bytes)) return { index, packed: undefined };
      return { index, packed: grainOf(index, bytes, await deflateRaw(bytes, level)) };
    };
    return { result: pack() };
  });
  const file = new StreamWriter(capacity);
  try {
    yield encodeStreamHeader(capacity, undefined);
    // The content's number need not be random, but must not be one of the two that mean something else.
    yield encodeStreamDescriptor(capacity, name, 0x6e62_6400 + (capacity % 256));
    for (let grain = await grains.next(); grain !== undefined; grain = await grains.next()) {
      signal?.throwIfAborted();
      if (grain.packed !== undefined) yield* file.grain(grain.index, grain.packed);
    }
    yield* file.end();
  } finally {
    await grains.settled();
    await blocks.return(undefined);
  }
}

/** A grain in the file: its marker, then a stream of zlib, filled up to whole sectors. */
function grainOf(index: number, bytes: Uint8Array, deflated: Uint8Array): Uint8Array {
  const packedBytes = 2 + deflated.length + 4;
  const grain = new Uint8Array(Math.ceil((12 + packedBytes) / sectorBytes) * sectorBytes);
  const view = new DataView(grain.buffer);
  view.setBigUint64(0, BigInt(index) * BigInt(streamGrainSectors), true);
  view.setUint32(8, packedBytes, true);
  // The header of zlib: deflate with a window of 32 KiB, and a check of its own (RFC 1950).
  view.setUint16(12, 0x7801);
  grain.set(deflated, 14);
  view.setUint32(14 + deflated.length, adler32(bytes));
  return grain;
}

/** Keeps the tables, and where the stream is. */
class StreamWriter {
  readonly #capacity: number;
  readonly #directory: Uint32Array;
  #table = new Uint8Array(tableBytes);
  /** Which table is being filled; `undefined` while it is empty. */
  #tableIndex: number | undefined;
  #sector = streamOverheadSectors;

  constructor(capacitySectors: number) {
    this.#capacity = capacitySectors;
    this.#directory = new Uint32Array(Math.ceil(capacitySectors / (streamGrainSectors * streamTableEntries)));
  }

  *grain(index: number, packed: Uint8Array): Generator<Uint8Array> {
    const table = Math.floor(index / streamTableEntries);
    if (table !== this.#tableIndex) yield* this.#endTable();
    this.#tableIndex = table;
    new DataView(this.#table.buffer).setUint32((index % streamTableEntries) * 4, this.#sector, true);
    yield* this.#put(packed);
  }

  *end(): Generator<Uint8Array> {
    yield* this.#endTable();
    const bytes = new Uint8Array(Math.ceil((this.#directory.length * 4) / sectorBytes) * sectorBytes);
    const view = new DataView(bytes.buffer);
    for (const [index, sector] of this.#directory.entries()) view.setUint32(index * 4, sector, true);
    yield* this.#put(encodeMarker(Marker.GrainDirectory, bytes.length / sectorBytes));
    const directorySector = this.#sector;
    yield* this.#put(bytes);
    yield encodeMarker(Marker.Footer, 1);
    yield encodeStreamHeader(this.#capacity, directorySector);
    yield encodeMarker(Marker.EndOfStream, 0);
  }

  *#endTable(): Generator<Uint8Array> {
    if (this.#tableIndex === undefined) return;
    yield* this.#put(encodeMarker(Marker.GrainTable, tableBytes / sectorBytes));
    this.#directory[this.#tableIndex] = this.#sector;
    yield* this.#put(this.#table);
    this.#table = new Uint8Array(tableBytes);
    this.#tableIndex = undefined;
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array> {
    this.#sector += bytes.length / sectorBytes;
    if (this.#sector >= sectorsMax) throw unsupportedImage('a stream-optimised VMDK of 2 TiB or more');
    yield bytes;
  }
}
