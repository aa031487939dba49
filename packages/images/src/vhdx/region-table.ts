/** Where the parts of a VHDX are ([MS-VHDX] 2.2.3, "Region Table"). All numbers are little-endian. */
import { crc32c, withZeroed } from '../bytes/checksums.ts';
import { readGuid } from '../bytes/guid.ts';
import { readLatin1 } from '../bytes/text.ts';
import { type FileBytes, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';

const tableBytes = 65_536;
const tableOffsets = [196_608, 262_144] as const;
const entriesMax = 2047;
const batId = '2DC27766-F623-4200-9D64-115E9BFD4A08';
const metadataId = '8B7CA206-4790-4B9A-B8FE-575F050F886E';

/** One part of the file, in bytes. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/** The two parts that every VHDX has. */
export interface Regions {
  /** The block allocation table. */
  readonly bat: Region;
  readonly metadata: Region;
}

/** Reads the regions from the first copy of the table that is valid. */
export async function readRegions(file: FileBytes, signal: AbortSignal | undefined): Promise<Regions> {
  const failures: unknown[] = [];
  for (const offset of tableOffsets) {
    const place = `the region table at byte ${offset}`;
    const bytes = await readStructure(file, place, offset, tableBytes, signal);
    try {
      return decodeRegions(bytes, place, file.size);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

function decodeRegions(bytes: Uint8Array, place: string, fileBytes: number): Regions {
  const view = new DataView(bytes.buffer);
  if (readLatin1(bytes, 0, 4) !== 'regi') throw damagedImage(place, "it does not begin with 'regi'");
  if (crc32c(withZeroed(bytes, 4, 8)) !== view.getUint32(4, true)) throw damagedImage(place, 'its checksum is wrong');
  const count = view.getUint32(8, true);
  if (count > entriesMax) throw damagedImage(place, `it has ${count} entries, expected ${entriesMax} or fewer`);
  const regions = new Map<string, Region>();
  for (let index = 0; index < count; index++) {
    const at = 16 + index * 32;
    const id = readGuid(bytes, at);
    const offset = Number(view.getBigUint64(at + 16, true));
    const length = view.getUint32(at + 24, true);
    const isRequired = (view.getUint32(at + 28, true) & 1) !== 0;
    if (id !== batId && id !== metadataId) {
      if (isRequired) throw unsupportedImage(`VHDX with a required region that we do not know (${id})`);
      continue;
    }
    if (offset % 2 ** 20 !== 0 || offset < 2 ** 20 || offset + length > fileBytes) {
      throw damagedImage(place, `a region of ${length} bytes at byte ${offset} of a file of ${fileBytes}`);
    }
    if (regions.has(id)) throw damagedImage(place, `it has the region ${id} twice`);
    regions.set(id, { offset, length });
  }
  const bat = regions.get(batId);
  const metadata = regions.get(metadataId);
  if (bat === undefined || metadata === undefined) throw damagedImage(place, 'it lacks the BAT or the metadata');
  return { bat, metadata };
}
