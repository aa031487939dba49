/**
 * A disk in an object store as a block device. Writes stay in memory until their block is stored as a new object; a flush waits for
 * these objects, and then for the manifest that names them.
 */
import {
  type Abilities,
  type Abortable,
  type BlockStatusOptions,
  baseAllocation,
  type Clock,
  type DeviceResizing,
  type Extent,
  type Geometry,
  limits,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Lifetime, requireGoing, requireInside, Semaphore, settleAll, untilAborted } from '@nbdjs/kit';
import type { ChunkCache } from '../cache/chunk-cache.ts';
import { chunksPerObject, hasChunk } from '../format/data-object.ts';
import { blocksPerPage } from '../format/index-page.ts';
import type { BlockMapState, Manifest } from '../format/manifest.ts';
import { requireSnapshotName } from '../format/snapshot-name.ts';
import { BlockMap } from '../map/block-map.ts';
import { PageReader } from '../map/page-reader.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { blocksOf } from './block-parts.ts';
import { BlockReader } from './block-reader.ts';
import { ChunkReader } from './chunk-reader.ts';
import { deviceError } from './device-error.ts';
import { DiskExtents } from './disk-extents.ts';
import type { ObjectDisk, ObjectDiskFigures } from './disk-interface.ts';
import { requirePossibleSize } from './new-size.ts';
import type { DiskSettings } from './options.ts';
import { StreamTracker } from './read-ahead.ts';
import { reportChunks } from './read-chunks.ts';
import { WriteBuffer } from './write-buffer.ts';
import type { WriterSession } from './writer-session.ts';

/** What a disk is opened with. */
export interface DiskParts {
  readonly name: string;
  /** Repeats what fails for a while. */
  readonly store: ObjectStore;
  readonly manifest: Manifest;
  /** The state that is opened: of the disk, or of a snapshot. */
  readonly map: BlockMapState;
  readonly size: number;
  readonly clock: Clock;
  readonly settings: DiskSettings;
  /** `undefined`: for reading only. */
  readonly session: WriterSession | undefined;
  /** On a local device. It is closed with the disk. */
  readonly cache?: ChunkCache | undefined;
  /** Called before each manifest, with its state in hand. */
  readonly beforeCommit?: (() => Promise<void>) | undefined;
}

/** Extents in one answer. */
const extentsMax = 1024;

export class StoreDisk implements ObjectDisk {
  readonly name: string;
  readonly abilities: Abilities;
  readonly resizing: DeviceResizing | undefined;
  #geometry: Geometry;
  #size: number;
  readonly #blockBytes: number;
  readonly #chunkBytes: number;
  readonly #map: BlockMap;
  readonly #reader: ChunkReader;
  readonly #streams: StreamTracker;
  readonly #blocks: BlockReader;
  readonly #extents: DiskExtents;
  readonly #gets: Semaphore;
  readonly #session: WriterSession | undefined;
  readonly #buffer: WriteBuffer | undefined;
  readonly #settings: DiskSettings;
  #prefetching = 0;
  readonly #life: Lifetime;
  #closing: Promise<void> | undefined;

  constructor(parts: DiskParts) {
    const { name, store, manifest, map, size, settings, session, cache, beforeCommit = async () => {} } = parts;
    this.name = name;
    this.#life = new Lifetime(`the disk '${name}'`);
    this.#size = size;
    this.#blockBytes = manifest.objectBytes;
    this.#chunkBytes = manifest.objectBytes / chunksPerObject;
    this.#settings = settings;
    this.#session = session;
    this.#map = new BlockMap(new PageReader(store), map);
    this.#gets = new Semaphore(settings.parallelGets);
    this.#reader = new ChunkReader(store, this.#chunkBytes, this.#gets, settings.cacheBytes, cache);
    // What is read ahead has to be there still when it is needed.
    this.#streams = new StreamTracker(manifest.objectBytes, Math.min(settings.readAheadBytes, settings.cacheBytes / 2));
    this.#geometry = {
      size: BigInt(size),
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: limits.payloadBytesDefault,
    };
    this.abilities = {
      readOnly: session === undefined,
      flush: true,
      fua: session !== undefined,
      trim: session !== undefined,
      writeZeroes: session !== undefined,
      fastZero: session !== undefined,
      cache: true,
      multiConn: true,
      rotational: false,
      contexts: [baseAllocation],
    };
    if (session !== undefined) {
      this.#buffer = new WriteBuffer({
        store,
        session,
        settings,
        map: this.#map,
        reader: this.#reader,
        disk: manifest.id,
        blockBytes: this.#blockBytes,
        size,
        beforeCommit,
      });
      session.begin(this.#buffer);
    }
    this.resizing = session && { resize: (next, options = {}) => this.#resize(next, options) };
    this.#blocks = new BlockReader(this.#map, this.#reader, this.#buffer, this.#blockBytes);
    this.#extents = new DiskExtents(this.#map, this.#buffer, this.#blockBytes);
  }

  get geometry(): Geometry {
    return this.#geometry;
  }

  get epoch(): number {
    return this.#session?.epoch ?? 0;
  }

  get figures(): ObjectDiskFigures {
    return { dirtyBytes: this.#buffer?.dirtyBytes ?? 0, cachedBytes: this.#reader.cachedBytes };
  }

  async read(offset: Offset, target: Uint8Array, options: ReadOptions = {}): Promise<void> {
    const start = this.#enter(offset, target.length, options);
    await this.#call('READ', options.signal, async () => {
      await this.#session?.require();
      this.#readAhead(start, start + target.length);
      const holes: (readonly [from: number, to: number])[] = [];
      await settleAll(
        [...blocksOf(this.#blockBytes, start, start + target.length)].map(async ([block, from, to]) => {
          const base = block * this.#blockBytes + from - start;
          const place = target.subarray(base, base + to - from);
          await this.#blocks.read(block, from, place, options.signal, (first, end) =>
            holes.push([base + first, base + end]),
          );
        }),
      );
      if (options.onChunk !== undefined) reportChunks(holes, target.length, options.onChunk);
    });
  }

  async write(offset: Offset, source: Uint8Array, options: WriteOptions = {}): Promise<void> {
    const start = this.#enterChange(offset, source.length, options);
    await this.#call('WRITE', options.signal, async ({ buffer, session }) => {
      await session.require();
      for (const [block, from, to] of blocksOf(this.#blockBytes, start, start + source.length)) {
        options.signal?.throwIfAborted();
        const base = block * this.#blockBytes + from - start;
        await buffer.write(block, from, source.subarray(base, base + to - from), options.signal);
      }
      if (options.fua === true) await buffer.flush();
    });
  }

  async flush(options: Abortable = {}): Promise<void> {
    this.#enter(0, 0, options);
    if (this.#buffer === undefined) return;
    await this.#call('FLUSH', options.signal, ({ buffer }) => buffer.flush());
  }

  /** Only whole chunks are trimmed: to store the rest of a chunk again would be more work than is saved. */
  async trim(offset: Offset, length: Offset, options: WriteOptions = {}): Promise<void> {
    const start = this.#enterChange(offset, length, options);
    const end = start + Number(length);
    const from = Math.ceil(start / this.#chunkBytes) * this.#chunkBytes;
    const to = end === this.#size ? end : Math.floor(end / this.#chunkBytes) * this.#chunkBytes;
    await this.writeZeroes(from < to ? from : start, Math.max(0, to - from), options);
  }

  async writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): Promise<void> {
    const start = this.#enterChange(offset, length, options);
    const end = start + Number(length);
    await this.#call('WRITE_ZEROES', options.signal, async ({ buffer, session }) => {
      await session.require();
      await this.#zero(buffer, start, end, options.signal);
      if (options.fua === true) await buffer.flush();
    });
  }

  async cache(offset: Offset, length: Offset, options: Abortable = {}): Promise<void> {
    const start = this.#enter(offset, length, options);
    const end = Math.min(start + Number(length), start + this.#settings.cacheBytes / 2);
    await this.#call('CACHE', options.signal, () => this.#prefetch(start, end));
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const start = this.#enter(offset, length, options);
    if (Number(length) === 0) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    const count = options.one === true ? 1 : extentsMax;
    let extents: readonly Extent[] = [];
    await this.#call('BLOCK_STATUS', options.signal, async () => {
      await this.#session?.require();
      extents = await this.#extents.within(start, start + Number(length), count);
    });
    return [{ context: baseAllocation, extents }];
  }

  async snapshot(name: string): Promise<void> {
    this.#enterChange(0, 0, {});
    requireSnapshotName(name);
    await this.#call('FLUSH', undefined, ({ buffer }) => buffer.snapshot(name, this.#settings.wallClock()));
  }

  async #resize(next: Offset, options: Abortable): Promise<void> {
    this.#enterChange(0, 0, options);
    const size = requirePossibleSize(next, this.#blockBytes);
    const old = this.#size;
    await this.#call('RESIZE', options.signal, async ({ buffer, session }) => {
      await session.require();
      if (size < old) return buffer.shorten(size, () => this.#setSize(size));
      // The last block may have bytes behind the end, of a time when the disk was longer.
      const [last, within] = [Math.floor(old / this.#blockBytes), old % this.#blockBytes];
      if (size > old && within > 0) await buffer.zero(last, within, this.#blockBytes, options.signal);
      await buffer.lengthen(size);
      this.#setSize(size);
    });
  }

  #setSize(size: number): void {
    this.#size = size;
    this.#geometry = { ...this.#geometry, size: BigInt(size) };
  }

  close(): Promise<void> {
    this.#life.end();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What was not flushed is stored all the same if the store takes it; who has to know flushes before. */
  async #close(): Promise<void> {
    if (this.#session?.fence === undefined) {
      try {
        await this.#buffer?.flush();
      } catch {
        // The caller has been told by the flush that failed, or has not asked.
      }
    }
    await this.#session?.end();
    await this.#reader.close();
  }

  #readAhead(start: number, end: number): void {
    const ahead = this.#streams.note(start, end);
    // While requests wait, reading ahead would only be in their way.
    if (ahead === undefined || this.#prefetching > 2 * this.#settings.parallelGets) return;
    this.#prefetch(ahead.from, Math.min(ahead.to, this.#size)).catch(() => {});
  }

  /** Reads whole blocks, from the one that `start` lies in. */
  async #prefetch(start: number, end: number): Promise<void> {
    await settleAll(
      [...blocksOf(this.#blockBytes, start, end)].map(async ([block, from]) => {
        this.#prefetching++;
        try {
          const entry = await this.#map.get(block);
          if (entry === undefined) return;
          const first = Math.floor(from / this.#chunkBytes);
          const wanted: number[] = [];
          for (let chunk = first; chunk < chunksPerObject; chunk++)
            if (hasChunk(entry.chunks, chunk)) wanted.push(chunk);
          await this.#reader.prefetch(entry, wanted);
        } finally {
          this.#prefetching--;
        }
      }),
    );
  }

  async #zero(buffer: WriteBuffer, start: number, end: number, signal: AbortSignal | undefined): Promise<void> {
    // Parts of blocks, then whole ones: of these only those that there are.
    const firstWhole = Math.ceil(start / this.#blockBytes);
    const endWhole = end === this.#size ? Math.ceil(end / this.#blockBytes) : Math.floor(end / this.#blockBytes);
    for (const [block, from, to] of blocksOf(this.#blockBytes, start, end)) {
      if (block >= firstWhole && block < endWhole) break;
      await buffer.zero(block, from, to, signal);
    }
    if (firstWhole >= endWhole) return;
    for (let page = Math.floor(firstWhole / blocksPerPage); page * blocksPerPage < endWhole; page++) {
      signal?.throwIfAborted();
      if (this.#map.hasPage(page)) {
        for (const [block] of await this.#map.blocksOf(page, firstWhole, endWhole)) buffer.zeroBlock(block);
      }
    }
    for (const block of buffer.blocksWithin(firstWhole, endWhole)) buffer.zeroBlock(block);
    const rest = endWhole * this.#blockBytes;
    if (rest < end) await buffer.zero(endWhole, 0, end - rest, signal);
  }

  #enter(offset: Offset, length: Offset, options: Abortable): number {
    this.#life.requireOpen();
    requireGoing(options);
    return Number(requireInside(this.geometry.size, offset, length)[0]);
  }

  #enterChange(offset: Offset, length: Offset, options: Abortable): number {
    const start = this.#enter(offset, length, options);
    if (this.abilities.readOnly)
      throw new UsageError('ERR_NBD_READ_ONLY', `the disk '${this.name}' was opened for reading`);
    return start;
  }

  async #call(
    command: string,
    signal: AbortSignal | undefined,
    work: (parts: { readonly buffer: WriteBuffer; readonly session: WriterSession }) => Promise<void>,
  ): Promise<void> {
    try {
      await untilAborted(
        work({ buffer: this.#buffer as WriteBuffer, session: this.#session as WriterSession }),
        signal,
      );
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) throw error;
      throw deviceError(command, this.name, error);
    }
  }
}
