/** A disk as a dynamic VHD, written from its start to its end: what Xen and Hyper-V import. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, ReadAhead } from '@nbdjs/kit';
import { dataBlocks, readBlock } from '../device/data-blocks.ts';
import { ImageFile } from '../device/image-file.ts';
import { dynamicHeaderBytes } from './dynamic-header.ts';
import { encodeDynamicHeader, encodeFooter } from './encode.ts';
import { footerBytes } from './footer.ts';

export const writeVhdOptions = defineOptions({
  /** When it was made, in milliseconds since 1970; it is in the footer. @default 2000, so that equal disks make equal files */
  createdMs: option.count({
    zero: 'the year 2000',
    defaultText: 'the year 2000, so that equal disks make equal files',
    doc: 'When it was made, in milliseconds since 1970; it is in the footer.',
  }),
  /** The disk's own number: 16 bytes. Two disks of a machine must not have the same. @default made at random */
  id: option.object<ArrayLike<number>>({
    defaultText: 'made at random',
    doc: "The disk's own number: 16 bytes. Two disks of a machine must not have the same.",
  }),
  /** How many blocks of 2 MiB are read at the same time. @default 4 */
  parallel: option.count({ default: 4, doc: 'How many blocks of 2 MiB are read at the same time.' }),
  /** Ends the stream when it is aborted. */
  signal: option.signal({ doc: 'Ends the stream when it is aborted.' }),
});

/** How a VHD is written. */
export interface WriteVhdOptions extends Partial<OptionsOf<typeof writeVhdOptions>>, Abortable {}

const sectorBytes = 512;
const blockBytes = 2 * 2 ** 20;
/** A bit for each sector of a block, in one sector. */
const bitmapBytes = blockBytes / sectorBytes / 8;
const unused = 0xffff_ffff;
/** What the table of blocks can address, by Microsoft's own limit. */
const diskBytesMax = 2040 * 2 ** 30;

/**
 * Writes a disk as a dynamic VHD with blocks of 2 MiB. Blocks that the disk's map knows to be zero are left out. The table of blocks comes before
 * them, so that the map is read first: the disk must not change meanwhile. The stream needs no seeking; each chunk belongs to the caller.
 *
 * @throws UsageError (while iterating) `ERR_NBD_NOT_SUPPORTED` for disks of more than 2040 GiB, `ERR_NBD_ARGUMENT` for an `id` of another
 *   length; and what reading the disk throws.
 */
export async function* writeVhdStream(disk: BlockDevice, options: WriteVhdOptions = {}): AsyncGenerator<Uint8Array> {
  const { createdMs, id = randomId(), parallel, signal } = writeVhdOptions.resolve('writeVhdStream', options);
  if (id.length !== 16) throw new UsageError('ERR_NBD_ARGUMENT', `the id has ${id.length} bytes, expected 16`);
  const source = new ImageFile(disk);
  if (source.size > diskBytesMax) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `a VHD has 2040 GiB at most, and the disk has ${source.size} bytes`);
  }
  const virtualBytes = Math.ceil(source.size / sectorBytes) * sectorBytes;
  const entries = Math.ceil(virtualBytes / blockBytes);
  const footer = encodeFooter({ virtualBytes, id: Uint8Array.from(id), createdMs: createdMs ?? 0 });
  const table = new Uint8Array(Math.ceil((entries * 4) / sectorBytes) * sectorBytes).fill(0xff);
  const view = new DataView(table.buffer);
  let sector = (footerBytes + dynamicHeaderBytes + table.length) / sectorBytes;
  for await (const block of dataBlocks(disk, blockBytes, signal)) {
    view.setUint32(block * 4, sector);
    sector += (bitmapBytes + blockBytes) / sectorBytes;
  }
  yield footer;
  yield encodeDynamicHeader(entries, blockBytes);
  yield table;
  yield* writeBlocks(source, view, entries, parallel, signal);
  yield footer.slice();
}

async function* writeBlocks(
  source: ImageFile,
  table: DataView,
  entries: number,
  parallel: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let next = 0;
  const blocks = new ReadAhead<Uint8Array>(parallel, () => {
    while (next < entries && table.getUint32(next * 4) === unused) next++;
    return next < entries ? { result: readBlock(source, next++, blockBytes, signal) } : undefined;
  });
  try {
    for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
      signal?.throwIfAborted();
      yield new Uint8Array(bitmapBytes).fill(0xff);
      yield block;
    }
  } finally {
    await blocks.settled();
  }
}

/** A random UUID (RFC 9562, version 4). */
function randomId(): Uint8Array {
  // Every runtime has it; packages without a page have no types for it.
  const { crypto } = globalThis as unknown as { readonly crypto: { getRandomValues(target: Uint8Array): Uint8Array } };
  const id = crypto.getRandomValues(new Uint8Array(16));
  id[6] = ((id[6] as number) & 0x0f) | 0x40;
  id[8] = ((id[8] as number) & 0x3f) | 0x80;
  return id;
}
