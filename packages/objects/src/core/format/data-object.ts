/**
 * The form of a data object: a head, then the chunks that have data. An object has 64 chunks; those of zeroes only are left out. Behind each
 * chunk is a checksum that covers its bytes, the object's name and the chunk's number, so that any run of chunks can be read and checked
 * on its own, and a chunk at a wrong place is found, too.
 */
import { formatError } from './format-error.ts';
import { keyOfObject, type ObjectName } from './object-name.ts';
import { xxhash32 } from './xxhash32.ts';

/** Chunks of an object: as many as a bitmap of 64 bits has. */
export const chunksPerObject = 64;

/** Which chunks an object has, as two halves: chunks 0 to 31, and 32 to 63. */
export interface ChunkBitmap {
  readonly low: number;
  readonly high: number;
}

const noChunks: ChunkBitmap = { low: 0, high: 0 };

const magic = 0x6a62_6f31_6a64_626en; // "nbdj1obj", little-endian
const headBytes = 64;
const trailerBytes = 8;

export function hasChunk({ low, high }: ChunkBitmap, chunk: number): boolean {
  return (((chunk < 32 ? low : high) >>> (chunk & 31)) & 1) !== 0;
}

function withChunk({ low, high }: ChunkBitmap, chunk: number): ChunkBitmap {
  const bit = (1 << (chunk & 31)) >>> 0;
  return chunk < 32 ? { low: (low | bit) >>> 0, high } : { low, high: (high | bit) >>> 0 };
}

export function countChunks({ low, high }: ChunkBitmap): number {
  return countBits(low) + countBits(high);
}

/** How many chunks before this one an object has. */
function rankOf({ low, high }: ChunkBitmap, chunk: number): number {
  const below = (bits: number, count: number): number =>
    count === 0 ? 0 : countBits(bits & (0xffff_ffff >>> (32 - count)));
  return chunk < 32 ? below(low, chunk) : countBits(low) + below(high, chunk - 32);
}

function countBits(bits: number): number {
  let rest = bits - ((bits >>> 1) & 0x5555_5555);
  rest = (rest & 0x3333_3333) + ((rest >>> 2) & 0x3333_3333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** The length of an object, in bytes. */
export function objectLength(chunks: ChunkBitmap, chunkBytes: number): number {
  return headBytes + countChunks(chunks) * (chunkBytes + trailerBytes);
}

/** Where in an object the chunks from `first` to `last` are, both included; both have to be there. */
export function rangeOfChunks(
  chunks: ChunkBitmap,
  chunkBytes: number,
  first: number,
  last: number,
): { readonly start: number; readonly length: number } {
  const record = chunkBytes + trailerBytes;
  const start = rankOf(chunks, first);
  return { start: headBytes + start * record, length: (rankOf(chunks, last) + 1 - start) * record };
}

/**
 * Makes the body of an object.
 *
 * @param parts the bytes of each chunk that is to be there; `undefined` for the others
 */
export function encodeObject(
  name: ObjectName,
  block: number,
  chunkBytes: number,
  parts: readonly (Uint8Array | undefined)[],
): { readonly body: Uint8Array; readonly chunks: ChunkBitmap } {
  let chunks = noChunks;
  for (const [chunk, bytes] of parts.entries()) if (bytes !== undefined) chunks = withChunk(chunks, chunk);
  const body = new Uint8Array(objectLength(chunks, chunkBytes));
  const view = new DataView(body.buffer);
  view.setBigUint64(0, magic, true);
  view.setUint32(8, 1, true);
  view.setUint32(12, chunkBytes, true);
  view.setBigUint64(16, BigInt(`0x${name.owner}`), true);
  view.setUint32(24, name.epoch, true);
  view.setUint32(28, chunks.low, true);
  view.setUint32(32, chunks.high, true);
  view.setBigUint64(36, BigInt(name.serial), true);
  view.setBigUint64(44, BigInt(block), true);
  view.setUint32(60, xxhash32(body.subarray(0, 60), 0), true);
  const seed = seedOf(name);
  let position = headBytes;
  for (const [chunk, bytes] of parts.entries()) {
    if (bytes === undefined) continue;
    body.set(bytes, position);
    const place = body.subarray(position, position + chunkBytes);
    view.setUint32(position + chunkBytes, xxhash32(place, seed + chunk), true);
    view.setUint32(position + chunkBytes + 4, chunk, true);
    position += chunkBytes + trailerBytes;
  }
  return { body, chunks };
}

/**
 * The bytes of a run of chunks, as views of what was read, after their checksums were compared.
 *
 * @param body what `rangeOfChunks` has asked for
 * @throws CommandError `EIO` when the bytes are not those that were stored.
 */
export function decodeChunks(
  name: ObjectName,
  chunks: ChunkBitmap,
  chunkBytes: number,
  first: number,
  last: number,
  body: Uint8Array,
): readonly (readonly [chunk: number, bytes: Uint8Array])[] {
  const what = `object '${keyOfObject(name)}'`;
  const { length } = rangeOfChunks(chunks, chunkBytes, first, last);
  if (body.length !== length)
    throw formatError(what, `chunks ${first} to ${last} have ${body.length} bytes, expected ${length}`);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const seed = seedOf(name);
  const found: (readonly [number, Uint8Array])[] = [];
  let position = 0;
  for (let chunk = first; chunk <= last; chunk++) {
    if (!hasChunk(chunks, chunk)) continue;
    const bytes = body.subarray(position, position + chunkBytes);
    const stored = view.getUint32(position + chunkBytes, true);
    const sum = xxhash32(bytes, seed + chunk);
    if (sum !== stored || view.getUint32(position + chunkBytes + 4, true) !== chunk) {
      throw formatError(what, `the checksum of chunk ${chunk} is ${sum.toString(16)}, expected ${stored.toString(16)}`);
    }
    found.push([chunk, bytes]);
    position += chunkBytes + trailerBytes;
  }
  return found;
}

/** The length of a chunk with its checksum, in bytes. */
export function chunkRecordBytes(chunkBytes: number): number {
  return chunkBytes + trailerBytes;
}

/** One chunk with its checksum, as it is in an object. @param length of the result; what is left over is 0 */
export function encodeChunk(name: ObjectName, chunk: number, bytes: Uint8Array, length: number): Uint8Array {
  const record = new Uint8Array(length);
  const view = new DataView(record.buffer);
  record.set(bytes);
  view.setUint32(bytes.length, xxhash32(bytes, seedOf(name) + chunk), true);
  view.setUint32(bytes.length + 4, chunk, true);
  return record;
}

/** Returns the bytes of a chunk, as a view; `undefined` when they are not those of this chunk. */
export function decodeChunk(name: ObjectName, chunk: number, record: Uint8Array): Uint8Array | undefined {
  const bytes = record.subarray(0, record.length - trailerBytes);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  if (view.getUint32(bytes.length + 4, true) !== chunk) return undefined;
  return view.getUint32(bytes.length, true) === xxhash32(bytes, seedOf(name) + chunk) ? bytes : undefined;
}

/** Checks the head of an object, too. */
export function checkObject(name: ObjectName, chunks: ChunkBitmap, chunkBytes: number, body: Uint8Array): void {
  const what = `object '${keyOfObject(name)}'`;
  const expected = objectLength(chunks, chunkBytes);
  if (body.length !== expected) throw formatError(what, `it has ${body.length} bytes, expected ${expected}`);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (view.getBigUint64(0, true) !== magic || view.getUint32(60, true) !== xxhash32(body.subarray(0, 60), 0)) {
    throw formatError(what, 'its head is not that of a data object');
  }
  const [first, last] = endsOf(chunks);
  if (first <= last) decodeChunks(name, chunks, chunkBytes, first, last, body.subarray(headBytes));
}

/** The first and the last chunk that is there. */
function endsOf(chunks: ChunkBitmap): readonly [first: number, last: number] {
  let [first, last] = [0, chunksPerObject - 1];
  while (first < chunksPerObject && !hasChunk(chunks, first)) first++;
  while (last >= 0 && !hasChunk(chunks, last)) last--;
  return [first, last];
}

/** Chunks of other objects have other checksums, though their bytes may be the same. */
function seedOf(name: ObjectName): number {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(`0x${name.owner}`), true);
  view.setUint32(8, name.epoch, true);
  view.setBigUint64(16, BigInt(name.serial), true);
  return xxhash32(bytes, 0);
}
