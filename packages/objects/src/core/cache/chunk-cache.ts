/**
 * Chunks that were read or written, on a local device. Objects never change, so what is there stays right, also over restarts. The device may
 * be lost, damaged or slow to take writes at any time: whatever cannot be had from it is had from the store.
 *
 * A disk that is restored from a backup goes on from an old state, and gives names of objects a second time. So a cache is used again only
 * where the manifest still knows the writer that was the last one when the cache was used.
 */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { chunkRecordBytes, decodeChunk, encodeChunk } from '../format/data-object.ts';
import type { WriterMark } from '../format/manifest.ts';
import type { ObjectName } from '../format/object-name.ts';
import {
  type CacheHead,
  type CacheLayout,
  cacheHeadBytes,
  decodeCacheHead,
  encodeCacheHead,
  hashesOf,
  layoutOf,
} from './cache-format.ts';
import { SlotTable } from './slot-table.ts';

/** Bytes that wait to be written; what comes while there are more is not kept. */
const waitingBytesMax = 16 * 2 ** 20;

/** The table is written after so many changes, and at the end. */
const changesMax = 256;

/** A device that fails so often is not used any more. */
const failuresMax = 16;

/** Which disk a cache is for. */
export interface CachedDisk {
  readonly id: string;
  readonly chunkBytes: number;
  /** Its last writers. */
  readonly trail: readonly WriterMark[];
}

export class ChunkCache {
  readonly #device: BlockDevice;
  readonly #layout: CacheLayout;
  readonly #chunkBytes: number;
  readonly #table: SlotTable;
  readonly #writes = new Set<Promise<void>>();
  #waitingBytes = 0;
  #failures = 0;
  #changes = 0;
  #saving: Promise<void> | undefined;

  private constructor(device: BlockDevice, layout: CacheLayout, chunkBytes: number, table: SlotTable) {
    this.#device = device;
    this.#layout = layout;
    this.#chunkBytes = chunkBytes;
    this.#table = table;
  }

  /**
   * Opens what is on the device if it is of this disk, or begins anew.
   *
   * @throws UsageError `ERR_NBD_ARGUMENT` for a device that is too small.
   */
  static async open(device: BlockDevice, disk: CachedDisk): Promise<ChunkCache> {
    const { size, minimumBlockSize } = device.geometry;
    const layout = layoutOf(Number(size), chunkRecordBytes(disk.chunkBytes), minimumBlockSize);
    if (layout.slots === 0 || minimumBlockSize > cacheHeadBytes) {
      const message = `a local cache of ${size} bytes in blocks of ${minimumBlockSize} has no room for chunks of ${disk.chunkBytes} bytes`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    const bytes = new Uint8Array(cacheHeadBytes);
    await device.read(0, bytes);
    const table = new SlotTable(layout.slots);
    const tableBytes = new Uint8Array(layout.tableBytes);
    if (isUsable(decodeCacheHead(bytes), disk, layout)) await readAll(device, cacheHeadBytes, tableBytes);
    // Before the superblock says that the table is of this disk.
    else await writeAll(device, cacheHeadBytes, tableBytes);
    table.load(tableBytes);
    await device.flush();
    const last = disk.trail.at(-1) ?? { epoch: 0, nonce: '' };
    const head = { disk: disk.id, chunkBytes: disk.chunkBytes, slots: layout.slots, ...last };
    await device.write(0, encodeCacheHead(head));
    await device.flush();
    return new ChunkCache(device, layout, disk.chunkBytes, table);
  }

  /** Whether a chunk is probably there. */
  has(object: ObjectName, chunk: number): boolean {
    return this.#failures < failuresMax && this.#table.find(hashesOf(object, chunk)) !== undefined;
  }

  /** The bytes of a chunk, which belong to the caller; `undefined` when they are not there, or damaged. */
  async read(object: ObjectName, chunk: number): Promise<Uint8Array | undefined> {
    const hashes = hashesOf(object, chunk);
    const slot = this.#table.find(hashes);
    if (slot === undefined) return undefined;
    const record = new Uint8Array(this.#layout.stride);
    try {
      await this.#device.read(this.#placeOf(slot), record);
    } catch {
      this.#failures++;
      return undefined;
    }
    const bytes = decodeChunk(object, chunk, record.subarray(0, chunkRecordBytes(this.#chunkBytes)));
    if (bytes !== undefined) this.#table.touch(slot);
    // It may have got another chunk meanwhile.
    else if (this.#table.find(hashes) === slot) this.#table.clear(slot);
    return bytes;
  }

  /** Keeps a chunk, if there is time for it. The bytes must not change any more. */
  keep(object: ObjectName, chunk: number, bytes: Uint8Array): void {
    if (this.#failures >= failuresMax || this.#waitingBytes + bytes.length > waitingBytesMax) return;
    const hashes = hashesOf(object, chunk);
    if (this.#table.find(hashes) !== undefined) return;
    const slot = this.#table.take(hashes);
    if (slot === undefined) return;
    this.#waitingBytes += bytes.length;
    const write = this.#write(slot, hashes, encodeChunk(object, chunk, bytes, this.#layout.stride)).finally(() => {
      this.#waitingBytes -= bytes.length;
      this.#writes.delete(write);
    });
    this.#writes.add(write);
  }

  /** Settles when all is on the device, and closes that. */
  async close(): Promise<void> {
    await Promise.all(this.#writes);
    await this.#saving;
    await this.#save();
    await this.#device.close();
  }

  async #write(slot: number, hashes: readonly [number, number, number], record: Uint8Array): Promise<void> {
    try {
      await this.#device.write(this.#placeOf(slot), record);
    } catch {
      this.#failures++;
      this.#table.clear(slot);
      return;
    }
    this.#table.fill(slot, hashes);
    this.#changes++;
    if (this.#changes < changesMax) return;
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
  }

  /** Writes the parts of the table that have changed. */
  async #save(): Promise<void> {
    this.#changes = 0;
    try {
      for (const [offset, bytes] of this.#table.changedParts())
        await this.#device.write(cacheHeadBytes + offset, bytes);
    } catch {
      this.#failures++;
    }
  }

  #placeOf(slot: number): number {
    return this.#layout.slotsStart + slot * this.#layout.stride;
  }
}

function isUsable(head: CacheHead | undefined, { id, chunkBytes, trail }: CachedDisk, { slots }: CacheLayout): boolean {
  return (
    head !== undefined &&
    head.disk === id &&
    head.chunkBytes === chunkBytes &&
    head.slots === slots &&
    trail.some(({ epoch, nonce }) => epoch === head.epoch && nonce === head.nonce)
  );
}

async function readAll(device: BlockDevice, start: number, bytes: Uint8Array): Promise<void> {
  const { maximumBlockSize } = device.geometry;
  for (let from = 0; from < bytes.length; from += maximumBlockSize) {
    await device.read(start + from, bytes.subarray(from, from + maximumBlockSize));
  }
}

async function writeAll(device: BlockDevice, start: number, bytes: Uint8Array): Promise<void> {
  const { maximumBlockSize } = device.geometry;
  for (let from = 0; from < bytes.length; from += maximumBlockSize) {
    await device.write(start + from, bytes.subarray(from, from + maximumBlockSize));
  }
}
