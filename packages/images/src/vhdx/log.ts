/** The log of a VHDX that was not closed properly ([MS-VHDX] 2.3, "Log"), replayed in memory. All numbers are little-endian. */
import { crc32c, withZeroed } from '../bytes/checksums.ts';
import { readGuid } from '../bytes/guid.ts';
import { readLatin1 } from '../bytes/text.ts';
import { type FileBytes, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import type { VhdxHeader } from './headers.ts';
import { PatchedFile } from './patched-file.ts';

const sectorBytes = 4096;
const entryHeaderBytes = 64;
const descriptorBytes = 32;
/** All of it is read into memory. Windows makes logs of 1 MiB. */
const logBytesMax = 64 * 2 ** 20;

/** One valid entry. */
interface LogEntry {
  /** First byte, from the start of the log. */
  readonly offset: number;
  readonly length: number;
  readonly sequence: bigint;
  /** Where the oldest entry is that has to be replayed with this one. */
  readonly tail: number;
  readonly flushedBytes: number;
  readonly lastBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * Returns the file as it is after its log was replayed. The file itself is not changed.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when no valid entries are found, or the file is shorter than they say; `ERR_NBD_NOT_SUPPORTED` for logs of
 *   more than 64 MiB.
 */
export async function replayLog(
  file: FileBytes,
  { log, logId }: VhdxHeader,
  signal: AbortSignal | undefined,
): Promise<FileBytes> {
  if (logId === undefined) return file;
  if (log.length > logBytesMax) throw unsupportedImage(`VHDX with a log of ${log.length} bytes to be replayed`);
  const place = `the log at byte ${log.offset}`;
  if (log.length < sectorBytes || log.length % sectorBytes !== 0)
    throw damagedImage(place, `it has ${log.length} bytes`);
  const bytes = await readStructure(file, place, log.offset, log.length, signal);
  const entries = findSequence(bytes, logId);
  const newest = entries.at(-1);
  if (newest === undefined) throw damagedImage(place, 'it has to be replayed, and has no valid entries');
  if (newest.flushedBytes > file.size) {
    throw damagedImage(place, `the file had ${newest.flushedBytes} bytes, and has ${file.size}: it was cut off`);
  }
  const patched = new PatchedFile(file);
  for (const entry of entries) applyEntry(patched, entry, place);
  patched.grow(newest.lastBytes);
  return patched;
}

/** The newest sequence of entries that is whole: from the tail that its last entry names up to that entry. */
function findSequence(log: Uint8Array, logId: string): readonly LogEntry[] {
  let best: readonly LogEntry[] = [];
  for (let start = 0; start < log.length; ) {
    const sequence = followFrom(log, start, logId);
    const newest = sequence.at(-1);
    if (newest === undefined) {
      start += sectorBytes;
      continue;
    }
    const from = sequence.findIndex(({ offset }) => offset === newest.tail);
    const known = best.at(-1);
    if (from >= 0 && (known === undefined || newest.sequence > known.sequence)) best = sequence.slice(from);
    const end = newest.offset + newest.length;
    // A sequence that goes on at the log's start has been followed to its end.
    if (end > log.length || newest.offset < start) break;
    start = end;
  }
  return best;
}

function followFrom(log: Uint8Array, start: number, logId: string): readonly LogEntry[] {
  const found: LogEntry[] = [];
  let at = start;
  let followed = 0;
  // Each entry has one sector at least, so that a log cannot be followed more than once around.
  while (followed < log.length) {
    const entry = decodeEntry(log, at, logId);
    const last = found.at(-1);
    if (entry === undefined || (last !== undefined && entry.sequence !== last.sequence + 1n)) break;
    found.push(entry);
    followed += entry.length;
    at = (at + entry.length) % log.length;
  }
  return found;
}

/** An entry may go on at the start of the log. */
function decodeEntry(log: Uint8Array, offset: number, logId: string): LogEntry | undefined {
  const header = new DataView(log.buffer, log.byteOffset + offset, entryHeaderBytes);
  if (readLatin1(log, offset, 4) !== 'loge' || readGuid(log, offset + 32) !== logId) return undefined;
  const length = header.getUint32(8, true);
  const sequence = header.getBigUint64(16, true);
  if (length < sectorBytes || length % sectorBytes !== 0 || length > log.length || sequence === 0n) return undefined;
  const bytes = new Uint8Array(length);
  const first = log.subarray(offset, offset + length);
  bytes.set(first);
  bytes.set(log.subarray(0, length - first.length), first.length);
  if (crc32c(withZeroed(bytes, 4, 8)) !== header.getUint32(4, true)) return undefined;
  return {
    offset,
    length,
    sequence,
    tail: header.getUint32(12, true),
    flushedBytes: Number(header.getBigUint64(48, true)),
    lastBytes: Number(header.getBigUint64(56, true)),
    bytes,
  };
}

/** Descriptors come first, and then the sectors of those that have data. */
function applyEntry(patched: PatchedFile, { bytes, sequence }: LogEntry, place: string): void {
  const view = new DataView(bytes.buffer);
  const count = view.getUint32(24, true);
  const wrong = (what: string): Error => damagedImage(place, `the entry ${sequence}: ${what}`);
  const dataStart = Math.ceil((entryHeaderBytes + count * descriptorBytes) / sectorBytes) * sectorBytes;
  if (dataStart > bytes.length) throw wrong(`it has ${count} descriptors in ${bytes.length} bytes`);
  let sector = dataStart;
  for (let index = 0; index < count; index++) {
    const at = entryHeaderBytes + index * descriptorBytes;
    const kind = readLatin1(bytes, at, 4);
    const target = Number(view.getBigUint64(at + 16, true));
    if (view.getBigUint64(at + 24, true) !== sequence) throw wrong(`descriptor ${index} belongs to another entry`);
    if (target % sectorBytes !== 0 || !Number.isSafeInteger(target)) throw wrong(`it writes to byte ${target}`);
    if (kind === 'zero') {
      const length = Number(view.getBigUint64(at + 8, true));
      if (length % sectorBytes !== 0 || !Number.isSafeInteger(target + length))
        throw wrong(`it zeroes ${length} bytes`);
      patched.zero(target, length);
      continue;
    }
    if (kind !== 'desc') throw wrong(`descriptor ${index} is neither 'desc' nor 'zero'`);
    if (sector + sectorBytes > bytes.length) throw wrong('it lacks data');
    patched.write(target, joinSector(bytes, at, sector, sequence) ?? raise(wrong('a sector of it was not written')));
    sector += sectorBytes;
  }
}

/** The first eight and the last four bytes of a sector are in its descriptor; in their places there is a signature and the entry's number. */
function joinSector(bytes: Uint8Array, descriptor: number, sector: number, sequence: bigint): Uint8Array | undefined {
  const view = new DataView(bytes.buffer);
  const high = BigInt(view.getUint32(sector + 4, true));
  const low = BigInt(view.getUint32(sector + sectorBytes - 4, true));
  if (readLatin1(bytes, sector, 4) !== 'data' || ((high << 32n) | low) !== sequence) return undefined;
  const joined = bytes.slice(sector, sector + sectorBytes);
  joined.set(bytes.subarray(descriptor + 8, descriptor + 16), 0);
  joined.set(bytes.subarray(descriptor + 4, descriptor + 8), sectorBytes - 4);
  return joined;
}

function raise(error: Error): never {
  throw error;
}
