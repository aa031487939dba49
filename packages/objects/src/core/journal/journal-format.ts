/**
 * The form of a journal: two superblocks that are written in turns, and a ring of records. A record is valid when its number is the next
 * one and its checksums are right; so the end of the journal is found without any mark, and what is left of an earlier round ends it, too.
 */
import { xxhash32 } from '../format/xxhash32.ts';

/** Superblocks lie at 0 and at this offset; the ring begins at twice that. */
export const superblockBytes = 4096;
export const ringStart = 2 * superblockBytes;

/** What a journal says about itself. */
export interface Superblock {
  /** Counts superblocks: the greater one of the two holds. */
  readonly sequence: number;
  /** The journal's own id: 16 hexadecimal digits. */
  readonly id: string;
  /** The id of the disk whose writes it has. */
  readonly disk: string;
  /** The epoch of the writer that has written its records. */
  readonly epoch: number;
  /** Length of the ring, in bytes. */
  readonly ringBytes: number;
  /** Records begin here. Positions only grow; their place in the ring is the rest of a division. */
  readonly tail: number;
  /** The number of the first record. */
  readonly number: number;
}

/** One change of the disk. */
export interface JournalRecord {
  readonly number: number;
  readonly kind: 'write' | 'zero';
  readonly offset: number;
  /** Length of the range that is changed, in bytes. */
  readonly length: number;
  /** The checksum of the bytes. */
  readonly sum: number;
}

const superMagic = 0x6c6e_6a31_6a64_626en; // "nbdj1jnl", little-endian
const recordMagic = 0x6365_7231_6a64_626en; // "nbdj1rec"
export const recordHeadBytes = 48;

export function encodeSuperblock(block: Superblock): Uint8Array {
  const bytes = new Uint8Array(superblockBytes);
  const view = new DataView(bytes.buffer);
  const fields = [block.sequence, block.epoch, block.ringBytes, block.tail, block.number];
  view.setBigUint64(0, superMagic, true);
  view.setBigUint64(8, BigInt(`0x${block.id}`), true);
  view.setBigUint64(16, BigInt(`0x${block.disk}`), true);
  for (const [index, field] of fields.entries()) view.setBigUint64(24 + 8 * index, BigInt(field), true);
  view.setUint32(64, xxhash32(bytes.subarray(0, 64), 0), true);
  return bytes;
}

/** Returns `undefined` for bytes that are no superblock. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getBigUint64(0, true) !== superMagic || view.getUint32(64, true) !== xxhash32(bytes.subarray(0, 64), 0)) {
    return undefined;
  }
  const field = (index: number): number => Number(view.getBigUint64(24 + 8 * index, true));
  const id = (offset: number): string => view.getBigUint64(offset, true).toString(16).padStart(16, '0');
  return {
    id: id(8),
    disk: id(16),
    sequence: field(0),
    epoch: field(1),
    ringBytes: field(2),
    tail: field(3),
    number: field(4),
  };
}

export function encodeRecordHead(record: JournalRecord, target: Uint8Array): void {
  const view = new DataView(target.buffer, target.byteOffset, recordHeadBytes);
  view.setBigUint64(0, recordMagic, true);
  view.setBigUint64(8, BigInt(record.number), true);
  view.setBigUint64(16, BigInt(record.offset), true);
  view.setBigUint64(24, BigInt(record.length), true);
  view.setUint32(32, record.kind === 'write' ? 1 : 2, true);
  view.setUint32(36, record.sum, true);
  view.setUint32(40, xxhash32(target.subarray(0, 40), 0), true);
}

/** Returns `undefined` for bytes that are no head of a record. */
export function decodeRecordHead(bytes: Uint8Array): JournalRecord | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, recordHeadBytes);
  if (view.getBigUint64(0, true) !== recordMagic || view.getUint32(40, true) !== xxhash32(bytes.subarray(0, 40), 0)) {
    return undefined;
  }
  return {
    number: Number(view.getBigUint64(8, true)),
    offset: Number(view.getBigUint64(16, true)),
    length: Number(view.getBigUint64(24, true)),
    kind: view.getUint32(32, true) === 1 ? 'write' : 'zero',
    sum: view.getUint32(36, true),
  };
}
