/**
 * The form of a cache on a local device: a superblock, a table with one entry for each slot, and the slots. An entry says by a hash which chunk
 * its slot should have. Whether the slot has it is shown by the chunk's own checksum, which covers the name of its object; so nothing
 * here has to be written in any order, and damage is a miss.
 */
import type { ObjectName } from '../format/object-name.ts';
import { xxhash32 } from '../format/xxhash32.ts';

export const cacheHeadBytes = 4096;
export const entryBytes = 8;

/** Chunks that share their slots. A chunk may be in any slot of its set. */
export const slotsPerSet = 16;

/** Entries are in memory, too: 12 bytes for each slot. */
const slotsMax = 2 ** 22;

/** What a cache says about itself. */
export interface CacheHead {
  /** The id of the disk whose chunks it has: 16 hexadecimal digits. */
  readonly disk: string;
  readonly chunkBytes: number;
  readonly slots: number;
  /** The last writer of the disk that was known when it was used. */
  readonly epoch: number;
  readonly nonce: string;
}

const magic = 0x6568_6331_6a64_626en; // "nbdj1che", little-endian
const nonceBytesMax = 64;
const sumOffset = 48 + nonceBytesMax;

export function encodeCacheHead({ disk, chunkBytes, slots, epoch, nonce }: CacheHead): Uint8Array {
  const bytes = new Uint8Array(cacheHeadBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, magic, true);
  view.setBigUint64(8, BigInt(`0x${disk}`), true);
  view.setUint32(16, chunkBytes, true);
  view.setUint32(20, slots, true);
  view.setBigUint64(24, BigInt(epoch), true);
  const text = new TextEncoder().encode(nonce).subarray(0, nonceBytesMax);
  view.setUint32(32, text.length, true);
  bytes.set(text, 48);
  view.setUint32(sumOffset, xxhash32(bytes.subarray(0, sumOffset), 0), true);
  return bytes;
}

/** Returns `undefined` for bytes that are no superblock of a cache. */
export function decodeCacheHead(bytes: Uint8Array): CacheHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getBigUint64(0, true) !== magic) return undefined;
  if (view.getUint32(sumOffset, true) !== xxhash32(bytes.subarray(0, sumOffset), 0)) return undefined;
  const length = Math.min(nonceBytesMax, view.getUint32(32, true));
  return {
    disk: view.getBigUint64(8, true).toString(16).padStart(16, '0'),
    chunkBytes: view.getUint32(16, true),
    slots: view.getUint32(20, true),
    epoch: Number(view.getBigUint64(24, true)),
    nonce: new TextDecoder().decode(bytes.subarray(48, 48 + length)),
  };
}

/** Where things are on a device of this size. */
export interface CacheLayout {
  readonly slots: number;
  readonly tableBytes: number;
  /** From one slot to the next, in bytes. */
  readonly stride: number;
  readonly slotsStart: number;
}

/** @param recordBytes a chunk with its checksum @param align the device's least block */
export function layoutOf(size: number, recordBytes: number, align: number): CacheLayout {
  const stride = roundUp(recordBytes, align);
  // One block for rounding.
  const room = Math.max(0, size - 2 * cacheHeadBytes);
  const most = Math.min(slotsMax, Math.floor(room / (stride + entryBytes)));
  const slots = most - (most % slotsPerSet);
  const tableBytes = roundUp(slots * entryBytes, cacheHeadBytes);
  return { slots, tableBytes, stride, slotsStart: cacheHeadBytes + tableBytes };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Which chunk it is, as three independent numbers: two for the entry, which is never 0, and one that chooses the set. */
export function hashesOf({ owner, epoch, serial }: ObjectName, chunk: number): readonly [number, number, number] {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(`0x${owner}`), true);
  view.setUint32(8, epoch, true);
  view.setBigUint64(12, BigInt(serial), true);
  view.setUint32(20, chunk, true);
  return [xxhash32(bytes, 1) || 1, xxhash32(bytes, 2), xxhash32(bytes, 3)];
}
