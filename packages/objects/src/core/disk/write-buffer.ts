/**
 * What was written and is not in the store yet. Partial writes are merged into whole blocks; a block is stored as a new object when it is
 * full, when memory gets short, when it has been left alone for a while, and when a flush asks for it.
 */
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { isZero, Semaphore, settleAll } from '@nbdjs/kit';
import { chunksPerObject, encodeObject, hasChunk } from '../format/data-object.ts';
import type { BlockEntry } from '../format/index-page.ts';
import type { BlockMap, StorePage } from '../map/block-map.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ChunkReader } from './chunk-reader.ts';
import { DirtyBlock } from './dirty-block.ts';
import { ObjectWriter } from './object-writer.ts';
import type { DiskSettings } from './options.ts';
import { Waiters } from './waiters.ts';
import type { CommitSource, WriterSession } from './writer-session.ts';

export interface WriteBufferParts {
  readonly store: ObjectStore;
  readonly session: WriterSession;
  readonly settings: DiskSettings;
  readonly map: BlockMap;
  readonly reader: ChunkReader;
  /** The id of the disk. */
  readonly disk: string;
  readonly blockBytes: number;
  /** The size of the disk, in bytes. */
  readonly size: number;
  readonly beforeCommit: () => Promise<void>;
}

/** Changes that a manifest has at most, before they go into index pages. */
const changesMax = 1024;

export class WriteBuffer implements CommitSource {
  readonly #session: WriterSession;
  readonly #map: BlockMap;
  readonly #reader: ChunkReader;
  readonly #objects: ObjectWriter;
  readonly beforeCommit: () => Promise<void>;
  readonly #chunkBytes: number;
  readonly #blockBytes: number;
  readonly #bytesMax: number;
  readonly #parallel: number;
  readonly #puts: Semaphore;
  /** The block that was touched first comes first. */
  readonly #blocks = new Map<number, DirtyBlock>();
  readonly #waiters = new Waiters();
  #size: number;
  #bytes = 0;
  #version = 0;
  #tickVersion = 0;
  #mustFold = false;

  constructor(parts: WriteBufferParts) {
    const { store, session, settings, map, reader, disk, blockBytes, size, beforeCommit } = parts;
    this.#blockBytes = blockBytes;
    this.#size = size;
    this.beforeCommit = beforeCommit;
    this.#session = session;
    this.#map = map;
    this.#reader = reader;
    this.#objects = new ObjectWriter({ store, session, map, disk });
    this.#chunkBytes = blockBytes / chunksPerObject;
    // One block has to fit while another is being stored.
    this.#bytesMax = Math.max(settings.dirtyBytes, 2 * blockBytes);
    this.#parallel = settings.parallelPuts;
    this.#puts = new Semaphore(settings.parallelPuts);
  }

  get dirtyBytes(): number {
    return this.#bytes;
  }

  blockAt(block: number): DirtyBlock | undefined {
    return this.#blocks.get(block);
  }

  /** Dirty blocks from `first` up to, but without, `end`, in no order. */
  blocksWithin(first: number, end: number): readonly number[] {
    return [...this.#blocks.keys()].filter((block) => block >= first && block < end);
  }

  /** Takes a copy of bytes for one block; waits while there is no room. */
  async write(block: number, from: number, source: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const to = from + source.length;
    const first = Math.floor(from / this.#chunkBytes);
    const end = Math.ceil(to / this.#chunkBytes);
    await this.#room((end - first) * this.#chunkBytes, signal);
    this.#requireBlock(block);
    this.#change(block, (dirty, version) => {
      for (let chunk = first; chunk < end; chunk++) {
        const start = chunk * this.#chunkBytes;
        const position = Math.max(from, start);
        const part = source.subarray(position - from, Math.min(to, start + this.#chunkBytes) - from);
        dirty.fresh.write(chunk, position - start, part, version);
      }
    });
  }

  /** Makes a part of a block zero, where it is not. */
  async zero(block: number, from: number, to: number, signal: AbortSignal | undefined): Promise<void> {
    await this.#room(2 * this.#chunkBytes, signal);
    const entry = await this.#map.get(block);
    signal?.throwIfAborted();
    const known = this.#blocks.get(block);
    const hasData = (chunk: number): boolean =>
      known?.fresh.has(chunk) === true ||
      known?.frozen?.has(chunk) === true ||
      (entry !== undefined && hasChunk(entry.chunks, chunk));
    const chunks: number[] = [];
    for (let chunk = Math.floor(from / this.#chunkBytes); chunk * this.#chunkBytes < to; chunk++) {
      if (hasData(chunk)) chunks.push(chunk);
    }
    if (chunks.length === 0) return;
    this.#requireBlock(block);
    this.#change(block, (dirty, version) => {
      for (const chunk of chunks) {
        const start = chunk * this.#chunkBytes;
        dirty.fresh.zero(chunk, Math.max(from - start, 0), Math.min(to - start, this.#chunkBytes), version);
      }
    });
  }

  /** Makes a block a hole. */
  zeroBlock(block: number): void {
    this.#requireBlock(block);
    const dirty = this.#blocks.get(block);
    if (dirty?.storing !== undefined) {
      this.#change(block, ({ fresh }, version) => {
        for (let chunk = 0; chunk < chunksPerObject; chunk++) fresh.zero(chunk, 0, this.#chunkBytes, version);
      });
      return;
    }
    if (dirty !== undefined) {
      this.#blocks.delete(block);
      this.#free(dirty.bytes);
    }
    // It may be known only by its page, which is not there now.
    if (this.#map.get(block) !== undefined) this.#objects.name(block, undefined);
  }

  /** Settles when all that was written before is in the store, and named by its manifest. */
  async flush(): Promise<void> {
    const version = this.#version;
    const work = [...this.#blocks]
      .filter(([, dirty]) => dirty.oldest <= version)
      .map(([block, dirty]) => this.#storeUpTo(version, block, dirty));
    await settleAll(work);
    await this.#session.commitVersion(this.#map.version);
  }

  async snapshot(name: string, time: number): Promise<void> {
    const taken = (): UsageError =>
      new UsageError('ERR_NBD_EXISTS', `there is a snapshot '${name}' of this disk already`);
    if (this.#session.manifest.snapshots.has(name)) throw taken();
    await this.flush();
    this.#mustFold = true;
    let isTaken = false;
    await this.#session.commit((next) => {
      const { size, map, snapshots, generation } = next;
      isTaken = snapshots.has(name);
      if (isTaken) return next;
      return {
        ...next,
        generation: generation + 1,
        snapshots: new Map(snapshots).set(name, { time, size, map, pins: [] }),
      };
    });
    if (isTaken) throw taken();
  }

  /** Flushes, and makes the disk longer. What lies behind its old end has to be zero already. */
  async lengthen(size: number): Promise<void> {
    await this.flush();
    this.#size = size;
    await this.#session.commit();
  }

  /** Makes the disk shorter, by one manifest (decision 0064). `onCut` is called when this writer sees the new size. */
  async shorten(size: number, onCut: () => void): Promise<void> {
    await this.flush();
    const end = Math.ceil(size / this.#blockBytes);
    const cut = {
      mayCut: () => !this.#storing(end).length,
      onCut: () => {
        this.#size = size;
        this.#dropFrom(end);
        onCut();
      },
    };
    do await settleAll(this.#storing(end));
    while (!(await this.#map.cut(end, this.#storePage, cut)));
    await this.#session.commitVersion(this.#map.version);
  }

  async prepare(): Promise<void> {
    if (this.#map.changeCount <= (this.#mustFold ? 0 : changesMax)) return;
    this.#mustFold = false;
    await this.#map.fold(this.#storePage);
  }

  readonly #storePage: StorePage = (body, stored) => this.#puts.run(() => this.#objects.put(() => body, stored));

  state(): ReturnType<CommitSource['state']> {
    // From now on a manifest may name them.
    this.#objects.committing();
    return { map: this.#map.state(), size: this.#size, floor: this.#objects.floor, version: this.#map.version };
  }

  /** Begins to store what has not been flushed for a while. */
  tick(): void {
    for (const [block, dirty] of this.#blocks) {
      if (dirty.storing === undefined && dirty.oldest <= this.#tickVersion) void this.#start(block, dirty);
    }
    this.#tickVersion = this.#version;
  }

  /** Blocks from `end` on that are being stored. */
  #storing(end: number): readonly Promise<void>[] {
    return this.blocksWithin(end, Number.POSITIVE_INFINITY).flatMap((block) => this.#blocks.get(block)?.storing ?? []);
  }

  /** Nothing of blocks from `end` on is stored any more. */
  #dropFrom(end: number): void {
    for (const block of this.blocksWithin(end, Number.POSITIVE_INFINITY)) {
      this.#free(this.#blocks.get(block)?.bytes ?? 0);
      this.#blocks.delete(block);
    }
    this.#objects.dropFrom(end);
  }

  /** @throws CommandError `ENOSPC` when the disk has become shorter since a request was let in. */
  #requireBlock(block: number): void {
    if (block * this.#blockBytes < this.#size) return;
    throw new CommandError('ENOSPC', `the disk has become shorter, and ends at byte ${this.#size}`);
  }

  #change(block: number, work: (dirty: DirtyBlock, version: number) => void): void {
    let dirty = this.#blocks.get(block);
    if (dirty === undefined) {
      dirty = new DirtyBlock(this.#chunkBytes);
      this.#blocks.set(block, dirty);
    }
    const before = dirty.bytes;
    this.#version++;
    work(dirty, this.#version);
    this.#bytes += dirty.bytes - before;
    if (dirty.storing === undefined && dirty.fresh.isFull) void this.#start(block, dirty);
    else if (this.#bytes > this.#bytesMax / 2) this.#relieve();
  }

  /** Waits until there is memory for so many bytes. */
  async #room(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    while (this.#bytes + bytes > this.#bytesMax) {
      if (this.#session.fence !== undefined) throw this.#session.fence;
      this.#relieve();
      await this.#waiters.wait(signal);
    }
    signal?.throwIfAborted();
  }

  /** Begins to store blocks, the oldest first, as many as may be stored at a time. */
  #relieve(): void {
    for (const [block, dirty] of this.#blocks) {
      if (this.#puts.load >= this.#parallel) return;
      if (dirty.storing === undefined) void this.#start(block, dirty);
    }
  }

  async #storeUpTo(version: number, block: number, dirty: DirtyBlock): Promise<void> {
    while (dirty.oldest <= version && this.#blocks.get(block) === dirty) {
      await (dirty.storing ?? this.#start(block, dirty));
    }
  }

  #start(block: number, dirty: DirtyBlock): Promise<void> {
    const storing = this.#puts
      .run(() => this.#storeBlock(block, dirty))
      .then(
        () => {
          dirty.storing = undefined;
          this.#blocks.delete(block);
          // What has come meanwhile is the youngest.
          if (!dirty.fresh.isEmpty) this.#blocks.set(block, dirty);
          this.#waiters.wake();
        },
        (error: unknown) => {
          dirty.storing = undefined;
          this.#waiters.fail(error);
          throw error;
        },
      );
    dirty.storing = storing;
    storing.catch(() => {
      // Who waits for it is told. The bytes are still there, and the next flush tries again.
    });
    return storing;
  }

  async #storeBlock(block: number, dirty: DirtyBlock): Promise<void> {
    if (this.#session.fence !== undefined) throw this.#session.fence;
    const entry = await this.#map.get(block);
    const needed: number[] = [];
    for (let chunk = 0; chunk < chunksPerObject; chunk++) {
      if (entry !== undefined && hasChunk(entry.chunks, chunk) && !dirty.fresh.hasAll(chunk)) needed.push(chunk);
    }
    const below = entry === undefined || needed.length === 0 ? undefined : await this.#reader.read(entry, needed);
    const layer = dirty.freeze();
    try {
      const parts = Array.from({ length: chunksPerObject }, (_, chunk) => {
        const bytes = layer.merged(chunk, below?.get(chunk));
        return bytes === undefined || isZero(bytes) ? undefined : bytes;
      });
      if (parts.every((bytes) => bytes === undefined)) {
        if (entry !== undefined) this.#objects.name(block, undefined);
      } else {
        await this.#putBlock(block, parts);
      }
      dirty.frozen = undefined;
      this.#free(layer.bytes);
    } catch (error) {
      const before = dirty.bytes;
      dirty.thaw();
      this.#bytes += dirty.bytes - before;
      throw error;
    }
  }

  async #putBlock(block: number, parts: readonly (Uint8Array | undefined)[]): Promise<void> {
    let chunks: BlockEntry['chunks'] | undefined;
    await this.#objects.put(
      (object) => {
        const encoded = encodeObject(object, block, this.#chunkBytes, parts);
        chunks = encoded.chunks;
        return encoded.body;
      },
      (object) => {
        const entry = { object, chunks: chunks as BlockEntry['chunks'] };
        this.#objects.name(block, entry);
        for (const [chunk, bytes] of parts.entries()) if (bytes !== undefined) this.#reader.keep(entry, chunk, bytes);
      },
    );
  }

  #free(bytes: number): void {
    this.#bytes -= bytes;
    this.#waiters.wake();
  }
}
