/** The header of dynamic and differencing VHDs ("Dynamic Disk Header Format"). All numbers are big-endian. */
import { readUuid } from '../bytes/guid.ts';
import { printable, readLatin1, readUtf8, readUtf16, readUtf16BigEndian } from '../bytes/text.ts';
import { type ImageFile, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { requireChecksum } from './footer.ts';

/** Bytes of a header. */
export const dynamicHeaderBytes = 1024;

const cookie = 'cxsparse';
const locatorsOffset = 576;
const locatorBytes = 24;
const locatorCount = 8;
/** Paths have 32768 characters at most. */
const locatorBytesMax = 65_536;
/** Usual blocks have 2 MiB; QEMU refuses larger ones than this, too. */
const blockBytesMax = 256 * 2 ** 20;

/** A decoded header. */
export interface VhdDynamicHeader {
  /** Where the table of blocks is, in bytes. */
  readonly tableOffset: number;
  readonly tableEntries: number;
  readonly blockBytes: number;
  readonly parentId: string;
  /** Names of the parent, the best one first: relative, absolute, plain. */
  readonly parentNames: readonly string[];
}

/** Reads the header of a dynamic disk. `isDifferencing`: the names of the parent are read, too. */
export async function readDynamicHeader(
  file: ImageFile,
  offset: bigint,
  isDifferencing: boolean,
  signal: AbortSignal | undefined,
): Promise<VhdDynamicHeader> {
  const place = `the dynamic header at byte ${offset}`;
  const bytes = await readStructure(file, place, Number(offset), dynamicHeaderBytes, signal);
  if (readLatin1(bytes, 0, 8) !== cookie) throw damagedImage(place, `it does not begin with ${cookie}`);
  requireChecksum(bytes, 36, place);
  const view = new DataView(bytes.buffer);
  const version = view.getUint32(24);
  if (version >>> 16 !== 1)
    throw unsupportedImage(`VHD with a dynamic header of version ${version >>> 16}, expected 1`);
  const blockBytes = view.getUint32(32);
  if (blockBytes < 512 || blockBytes > blockBytesMax || !Number.isInteger(Math.log2(blockBytes))) {
    throw damagedImage(place, `blocks have ${blockBytes} bytes, expected a power of two from 512 to ${blockBytesMax}`);
  }
  const tableOffset = Number(view.getBigUint64(16));
  const tableEntries = view.getUint32(28);
  if (tableOffset % 512 !== 0 || tableOffset + tableEntries * 4 > file.size) {
    const where = `${tableEntries} entries from byte ${tableOffset} on`;
    throw damagedImage(place, `the table of blocks has ${where}, and the file ends at byte ${file.size}`);
  }
  const parentNames = isDifferencing ? await readParentNames(file, bytes, signal) : [];
  return { tableOffset, tableEntries, blockBytes, parentId: readUuid(bytes, 40), parentNames };
}

/** Platforms of locators: relative and absolute paths of Windows, and URLs of macOS. */
const platforms: Readonly<Record<string, { readonly rank: number; readonly read: (bytes: Uint8Array) => string }>> = {
  W2ru: { rank: 0, read: readUtf16 },
  W2ku: { rank: 1, read: readUtf16 },
  MacX: { rank: 2, read: readUtf8 },
};

async function readParentNames(
  file: ImageFile,
  header: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const found: { readonly rank: number; readonly name: string }[] = [];
  for (let index = 0; index < locatorCount; index++) {
    const at = locatorsOffset + index * locatorBytes;
    const platform = platforms[readLatin1(header, at, 4)];
    const length = view.getUint32(at + 8);
    if (platform === undefined || length === 0) continue;
    const place = `the parent locator ${index + 1}`;
    if (length > locatorBytesMax) throw damagedImage(place, `it has ${length} bytes`);
    const offset = Number(view.getBigUint64(at + 16));
    const bytes = await readStructure(file, place, offset, length, signal);
    found.push({ rank: platform.rank, name: printable(platform.read(bytes)) });
  }
  found.sort((one, other) => one.rank - other.rank);
  const plain = printable(readUtf16BigEndian(header.subarray(64, locatorsOffset)));
  return [...found.map(({ name }) => name), plain].filter((name) => name !== '');
}
