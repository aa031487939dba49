/** The blocks of an xz file, by the indexes at the ends of its streams ("The .xz File Format"). */
import { crc32 } from '../bytes/checksums.ts';
import { type ImageFile, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { PieceList } from './pieces.ts';

/** Bytes of a stream's header, and of its footer. */
const edgeBytes = 12;
const headerMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as const;
/** An index of this size has millions of blocks. */
const indexBytesMax = 64 * 2 ** 20;
const streamsMax = 65_536;
/** Bytes of the check at a block's end, by its number. */
const checkBytes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const;
/** What the decoder verifies: nothing, CRC-32, CRC-64. */
const knownChecks: readonly number[] = [0, 1, 4];

/** What is needed to decode a block by itself. */
export interface XzBlocks {
  readonly pieces: PieceList;
  /** The number of the check of each piece's stream. */
  readonly checks: readonly number[];
  /** The bytes of each piece without the padding before its check. */
  readonly unpaddedBytes: readonly number[];
  readonly streams: number;
}

/** One block of a stream, without padding. */
interface Block {
  readonly unpaddedBytes: number;
  readonly contentBytes: number;
}

/**
 * Finds all blocks. Only the ends of streams are read.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when the file is damaged or cut off; `ERR_NBD_NOT_SUPPORTED` for checks that cannot be verified here.
 */
export async function readXzBlocks(file: ImageFile, signal: AbortSignal | undefined): Promise<XzBlocks> {
  const streams: { readonly start: number; readonly check: number; readonly blocks: readonly Block[] }[] = [];
  let end = file.size;
  while (end > 0) {
    if (streams.length === streamsMax) throw unsupportedImage(`an xz file of more than ${streamsMax} streams`);
    end = await skipPadding(file, end, signal);
    const stream = await readStream(file, end, signal);
    streams.push(stream);
    end = stream.start;
  }
  const pieces = new PieceList();
  const checks: number[] = [];
  const unpadded: number[] = [];
  for (const { start, check, blocks } of streams.reverse()) {
    let at = start + edgeBytes;
    for (const { unpaddedBytes, contentBytes } of blocks) {
      pieces.add(at, padded(unpaddedBytes), contentBytes);
      if (checks.length < pieces.count) {
        checks.push(check);
        unpadded.push(unpaddedBytes);
      }
      at += padded(unpaddedBytes);
    }
  }
  return { pieces, checks, unpaddedBytes: unpadded, streams: streams.length };
}

/** Streams may be followed by zeroes, four at a time. */
async function skipPadding(file: ImageFile, end: number, signal: AbortSignal | undefined): Promise<number> {
  let at = end;
  while (at >= 4) {
    const length = Math.min(65_536, at - (at % 4));
    const bytes = await readStructure(file, 'the end of the xz file', at - length, length, signal);
    let zeroes = 0;
    while (zeroes < length && bytes[length - 1 - zeroes] === 0) zeroes++;
    at -= zeroes - (zeroes % 4);
    if (zeroes < length) return at;
  }
  throw damagedImage('the xz file', 'it has no stream');
}

async function readStream(
  file: ImageFile,
  end: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly start: number; readonly check: number; readonly blocks: readonly Block[] }> {
  const place = `the stream that ends at byte ${end}`;
  const footer = await readStructure(file, `the footer of ${place}`, end - edgeBytes, edgeBytes, signal);
  const view = new DataView(footer.buffer);
  if (footer[10] !== 0x59 || footer[11] !== 0x5a)
    throw damagedImage(place, 'it has no footer: it is no xz, or cut off');
  if (crc32(footer.subarray(4, 10)) !== view.getUint32(0, true))
    throw damagedImage(place, "its footer's checksum is wrong");
  const check = requireCheck(footer[8], footer[9] as number, place);
  const indexBytes = (view.getUint32(4, true) + 1) * 4;
  if (indexBytes > indexBytesMax) throw unsupportedImage(`an xz file with an index of ${indexBytes} bytes`);
  const indexAt = end - edgeBytes - indexBytes;
  const index = await readStructure(file, `the index of ${place}`, indexAt, indexBytes, signal);
  const blocks = decodeIndex(index, check, `the index at byte ${indexAt}`);
  const start = indexAt - blocks.reduce((sum, { unpaddedBytes }) => sum + padded(unpaddedBytes), 0) - edgeBytes;
  const header = await readStructure(file, `the header of ${place}`, start, edgeBytes, signal);
  const isHeader = headerMagic.every((byte, at) => header[at] === byte) && header[7] === check;
  if (!isHeader) throw damagedImage(place, `there is no header at byte ${start}, where the index says that it begins`);
  return { start, check, blocks };
}

function requireCheck(reserved: number | undefined, check: number, place: string): number {
  if (reserved !== 0 || check > 15) throw unsupportedImage(`xz with unknown flags in ${place}`);
  if (!knownChecks.includes(check)) {
    throw unsupportedImage(
      `xz with check ${check}${check === 10 ? ' (SHA-256)' : ''}, expected none, CRC-32 or CRC-64`,
    );
  }
  return check;
}

function decodeIndex(bytes: Uint8Array, check: number, place: string): readonly Block[] {
  const told = new DataView(bytes.buffer).getUint32(bytes.length - 4, true);
  if (bytes[0] !== 0 || crc32(bytes.subarray(0, -4)) !== told) throw damagedImage(place, 'its checksum is wrong');
  let at = 1;
  const next = (): number => {
    let value = 0;
    for (let scale = 1, count = 0; count < 9; count++, scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
    throw damagedImage(place, `the number before its byte ${at} is too long`);
  };
  const count = next();
  // Each record has two bytes at least.
  if (count * 2 > bytes.length) throw damagedImage(place, `it has ${count} records in ${bytes.length} bytes`);
  const blocks: Block[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const block = { unpaddedBytes: next(), contentBytes: next() };
    total += padded(block.unpaddedBytes) + block.contentBytes;
    const isShort = block.unpaddedBytes < 5 + (checkBytes[check] as number);
    if (isShort || !Number.isSafeInteger(total)) throw damagedImage(place, `record ${index} has impossible sizes`);
    blocks.push(block);
  }
  return blocks;
}

/**
 * Makes a stream of one block, which every decoder takes: a header before it, and behind it an index with this one block and a footer.
 *
 * @returns what comes before the block, and what comes after it.
 */
export function streamOfBlock(
  check: number,
  unpaddedBytes: number,
  contentBytes: number,
): readonly [before: Uint8Array, after: Uint8Array] {
  const flags = [0, check];
  const before = Uint8Array.from([...headerMagic, ...flags, ...littleEndian(crc32(Uint8Array.from(flags)))]);
  const record = [0, 1, ...variable(unpaddedBytes), ...variable(contentBytes)];
  while (record.length % 4 !== 0) record.push(0);
  const index = [...record, ...littleEndian(crc32(Uint8Array.from(record)))];
  const end = [...littleEndian(index.length / 4 - 1), ...flags];
  const footer = [...littleEndian(crc32(Uint8Array.from(end))), ...end, 0x59, 0x5a];
  return [before, Uint8Array.from([...index, ...footer])];
}

function littleEndian(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

/** Seven bits a byte, the lowest first. */
function variable(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/** The longest dictionary that the decoder has memory for. */
const dictionaryBytesMax = 64 * 2 ** 20;
const lzma2 = 0x21;
const filterNames: Readonly<Record<number, string>> = {
  3: 'delta',
  4: 'x86',
  5: 'PowerPC',
  6: 'IA-64',
  7: 'ARM',
  8: 'ARM-Thumb',
  9: 'SPARC',
  10: 'ARM64',
  11: 'RISC-V',
};

/**
 * Looks into the header of a block, so that what the decoder does not know is refused in words.
 *
 * @param bytes the start of the block, up to 1024 bytes of it
 */
export function requireKnownFilters(bytes: Uint8Array, place: string): void {
  const headerBytes = ((bytes[0] ?? 0) + 1) * 4;
  const flags = bytes[1] ?? 0;
  if (bytes[0] === 0 || headerBytes > bytes.length) throw damagedImage(place, 'it has no header');
  let at = 2;
  const skipNumber = (): void => {
    while (at < headerBytes && ((bytes[at++] as number) & 0x80) !== 0);
  };
  if ((flags & 0x40) !== 0) skipNumber();
  if ((flags & 0x80) !== 0) skipNumber();
  const filter = bytes[at] as number;
  if ((flags & 3) !== 0 || filter !== lzma2) {
    throw unsupportedImage(`xz with the filter ${filterNames[filter] ?? filter}, expected LZMA2 alone`);
  }
  const code = bytes[at + 2] as number;
  const dictionaryBytes = code === 40 ? 2 ** 32 - 1 : (2 | (code & 1)) * 2 ** (Math.floor(code / 2) + 11);
  if (dictionaryBytes > dictionaryBytesMax) {
    throw unsupportedImage(`xz with a dictionary of ${dictionaryBytes} bytes, expected ${dictionaryBytesMax} or fewer`);
  }
}
