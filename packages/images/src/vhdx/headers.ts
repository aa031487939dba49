/** The file identifier and the two headers of a VHDX ([MS-VHDX] 2.2.1 and 2.2.2). All numbers are little-endian. */
import { crc32c, withZeroed } from '../bytes/checksums.ts';
import { isZeroGuid, readGuid } from '../bytes/guid.ts';
import { printable, readLatin1, readUtf16 } from '../bytes/text.ts';
import { type FileBytes, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import type { Region } from './region-table.ts';

const headerBytes = 4096;
const headerOffsets = [65_536, 131_072] as const;

/** The header that is in force. */
export interface VhdxHeader {
  readonly sequence: bigint;
  /** The GUID of the log's entries that have to be replayed; `undefined` when there are none. */
  readonly logId: string | undefined;
  readonly log: Region;
  /** Changes with the first write after each opening. */
  readonly dataWriteId: string;
  /** The program that made the file. */
  readonly creator: string;
}

/** Reads the identifier and both headers; the valid one with the higher number is in force. */
export async function readHeaders(file: FileBytes, signal: AbortSignal | undefined): Promise<VhdxHeader> {
  const identifier = await readStructure(file, 'the file identifier', 0, 520, signal);
  if (readLatin1(identifier, 0, 8) !== 'vhdxfile') {
    throw damagedImage('the file identifier', "it does not begin with 'vhdxfile'");
  }
  const creator = printable(readUtf16(identifier.subarray(8, 520)));
  const found: VhdxHeader[] = [];
  const failures: unknown[] = [];
  for (const offset of headerOffsets) {
    const place = `the header at byte ${offset}`;
    const bytes = await readStructure(file, place, offset, headerBytes, signal);
    try {
      found.push(decodeHeader(bytes, place, creator));
    } catch (error) {
      failures.push(error);
    }
  }
  found.sort((one, other) => (one.sequence < other.sequence ? 1 : -1));
  const [best] = found;
  if (best === undefined) throw failures[0];
  return best;
}

function decodeHeader(bytes: Uint8Array, place: string, creator: string): VhdxHeader {
  const view = new DataView(bytes.buffer);
  if (readLatin1(bytes, 0, 4) !== 'head') throw damagedImage(place, "it does not begin with 'head'");
  if (crc32c(withZeroed(bytes, 4, 8)) !== view.getUint32(4, true)) throw damagedImage(place, 'its checksum is wrong');
  const version = view.getUint16(66, true);
  if (version !== 1) throw unsupportedImage(`VHDX of version ${version}, expected 1`);
  return {
    sequence: view.getBigUint64(8, true),
    dataWriteId: readGuid(bytes, 32),
    logId: isZeroGuid(bytes, 48) ? undefined : readGuid(bytes, 48),
    log: { offset: Number(view.getBigUint64(72, true)), length: view.getUint32(68, true) },
    creator,
  };
}
