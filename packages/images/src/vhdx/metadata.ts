/** What a VHDX says about its disk ([MS-VHDX] 2.6, "Metadata Region"). All numbers are little-endian. */
import { readGuid } from '../bytes/guid.ts';
import { printable, readLatin1, readUtf16 } from '../bytes/text.ts';
import { type FileBytes, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import type { Region } from './region-table.ts';

const tableBytes = 65_536;
const itemsMax = 2047;
/** A parent's names have some KiB; all other items have a few bytes. */
const itemBytesMax = 2 ** 20;
const diskBytesMax = 64 * 2 ** 40;

const items = {
  parameters: 'CAA16737-FA36-4D43-B3B6-33F0AA44E76B',
  size: '2FA54224-CD1B-4876-B211-5DBED83BF4B8',
  id: 'BECA12AB-B2E6-4523-93EF-C309E000C746',
  logicalSector: '8141BF1D-A96F-4709-BA47-F233A8FAAB5F',
  physicalSector: 'CDA348C7-445D-4471-9CC9-E9885251C556',
  parent: 'A8D35F2D-B30B-454D-ABF7-D3D84834AB0C',
} as const;
const knownItems = new Set<string>(Object.values(items));

/** The type of a parent's locator: another VHDX. */
const vhdxLocator = 'B04AEFB7-D19E-4A81-B789-25B8E9445913';

/** What the metadata say. */
export interface VhdxMetadata {
  readonly blockBytes: number;
  readonly virtualBytes: number;
  readonly logicalSectorBytes: number;
  readonly physicalSectorBytes: number | undefined;
  readonly id: string | undefined;
  /** All blocks stay allocated: a fixed disk. */
  readonly isFixed: boolean;
  /** What a differencing disk says about its parent, by keys such as `relative_path`. */
  readonly parent: ReadonlyMap<string, string> | undefined;
}

/** Reads the metadata. */
export async function readMetadata(
  file: FileBytes,
  region: Region,
  signal: AbortSignal | undefined,
): Promise<VhdxMetadata> {
  const found = await readItems(file, region, signal);
  const parameters = viewOf(found, items.parameters, 8);
  const flags = parameters.getUint32(4, true);
  const blockBytes = parameters.getUint32(0, true);
  if (blockBytes < 2 ** 20 || blockBytes > 256 * 2 ** 20 || !Number.isInteger(Math.log2(blockBytes))) {
    throw damagedImage('the metadata', `blocks have ${blockBytes} bytes, expected a power of two from 1 to 256 MiB`);
  }
  const virtualBytes = Number(viewOf(found, items.size, 8).getBigUint64(0, true));
  const logicalSectorBytes = viewOf(found, items.logicalSector, 4).getUint32(0, true);
  if (logicalSectorBytes !== 512 && logicalSectorBytes !== 4096) {
    throw damagedImage('the metadata', `sectors have ${logicalSectorBytes} bytes, expected 512 or 4096`);
  }
  if (virtualBytes > diskBytesMax || virtualBytes % logicalSectorBytes !== 0) {
    const expected = `expected a multiple of ${logicalSectorBytes} up to 64 TiB`;
    throw damagedImage('the metadata', `the disk has ${virtualBytes} bytes, ${expected}`);
  }
  const id = found.get(items.id);
  return {
    blockBytes,
    virtualBytes,
    logicalSectorBytes,
    physicalSectorBytes: found.has(items.physicalSector)
      ? viewOf(found, items.physicalSector, 4).getUint32(0, true)
      : undefined,
    id: id === undefined || id.length < 16 ? undefined : readGuid(id, 0),
    isFixed: (flags & 1) !== 0,
    parent: (flags & 2) === 0 ? undefined : decodeLocator(found.get(items.parent)),
  };
}

async function readItems(
  file: FileBytes,
  region: Region,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const place = `the metadata table at byte ${region.offset}`;
  if (region.length < tableBytes) throw damagedImage(place, `its region has ${region.length} bytes`);
  const table = await readStructure(file, place, region.offset, tableBytes, signal);
  if (readLatin1(table, 0, 8) !== 'metadata') throw damagedImage(place, "it does not begin with 'metadata'");
  const view = new DataView(table.buffer);
  const count = view.getUint16(10, true);
  if (count > itemsMax) throw damagedImage(place, `it has ${count} items, expected ${itemsMax} or fewer`);
  const found = new Map<string, Uint8Array>();
  for (let index = 0; index < count; index++) {
    const at = 32 + index * 32;
    const id = readGuid(table, at);
    const offset = view.getUint32(at + 16, true);
    const length = view.getUint32(at + 20, true);
    const flags = view.getUint32(at + 24, true);
    const isUser = (flags & 1) !== 0;
    if (isUser || !knownItems.has(id)) {
      if ((flags & 4) !== 0 && !isUser)
        throw unsupportedImage(`VHDX with required metadata that we do not know (${id})`);
      continue;
    }
    if (length > itemBytesMax || offset < tableBytes || offset + length > region.length) {
      throw damagedImage(place, `item ${id} has ${length} bytes at ${offset}, in a region of ${region.length}`);
    }
    found.set(id, await readStructure(file, `item ${id} of the metadata`, region.offset + offset, length, signal));
  }
  return found;
}

function viewOf(found: ReadonlyMap<string, Uint8Array>, id: string, bytesMin: number): DataView {
  const bytes = found.get(id);
  if (bytes === undefined) throw damagedImage('the metadata', `the item ${id} is missing`);
  if (bytes.length < bytesMin) throw damagedImage('the metadata', `the item ${id} has ${bytes.length} bytes`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Keys and values of the locator ([MS-VHDX] 2.6.2.6). */
function decodeLocator(bytes: Uint8Array | undefined): ReadonlyMap<string, string> {
  const place = "the parent's locator";
  if (bytes === undefined || bytes.length < 20) throw damagedImage(place, 'it is missing');
  const type = readGuid(bytes, 0);
  if (type !== vhdxLocator) throw unsupportedImage(`VHDX with a parent of type ${type}, expected another VHDX`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint16(18, true);
  if (20 + count * 12 > bytes.length) throw damagedImage(place, `it has ${count} entries in ${bytes.length} bytes`);
  const found = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const at = 20 + index * 12;
    const text = (offset: number, length: number): string => {
      if (offset + length > bytes.length) throw damagedImage(place, `an entry ends at its byte ${offset + length}`);
      return printable(readUtf16(bytes.subarray(offset, offset + length)));
    };
    const key = text(view.getUint32(at, true), view.getUint16(at + 8, true));
    found.set(key, text(view.getUint32(at + 4, true), view.getUint16(at + 10, true)));
  }
  return found;
}
