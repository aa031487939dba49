/**
 * Reads chunks of objects: those that lie side by side in one request, each only once however many ask for it, and keeps what was read
 * last. Objects are immutable, so what is kept is never out of date.
 */
import type { Semaphore } from '@nbdjs/kit';
import type { ChunkCache } from '../cache/chunk-cache.ts';
import { type ChunkBitmap, decodeChunks, hasChunk, rangeOfChunks } from '../format/data-object.ts';
import { formatError } from '../format/format-error.ts';
import type { BlockEntry } from '../format/index-page.ts';
import { keyOfObject } from '../format/object-name.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { ChunkMemory } from './chunk-memory.ts';

/** Chunks that are not needed are read along when they are between two that are, up to so many: one request less is worth more. */
const gapMax = 4;

export class ChunkReader {
  readonly #store: ObjectStore;
  readonly #chunkBytes: number;
  readonly #gets: Semaphore;
  readonly #cache: ChunkMemory;
  /** On a local device. */
  readonly #near: ChunkCache | undefined;
  readonly #underWay = new Map<string, Promise<Uint8Array>>();

  constructor(store: ObjectStore, chunkBytes: number, gets: Semaphore, cacheBytes: number, near?: ChunkCache) {
    this.#store = store;
    this.#chunkBytes = chunkBytes;
    this.#gets = gets;
    this.#near = near;
    this.#cache = new ChunkMemory(cacheBytes);
  }

  /** Bytes that are kept. */
  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  /**
   * The bytes of chunks that the object has, by their number. They belong to the reader, and must not be changed.
   *
   * @param wanted ascending
   * @throws StoreError what the store throws; CommandError `EIO` for bytes that are damaged.
   */
  async read(entry: BlockEntry, wanted: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>();
    const waits: Promise<void>[] = [];
    const missing: number[] = [];
    const key = keyOfObject(entry.object);
    for (const chunk of wanted) {
      const id = `${key}#${chunk}`;
      const known = this.#cache.get(id);
      const coming = known === undefined ? this.#underWay.get(id) : undefined;
      if (known !== undefined) found.set(chunk, known);
      else if (coming !== undefined) waits.push(coming.then((bytes) => void found.set(chunk, bytes)));
      else if (this.#near?.has(entry.object, chunk) === true) {
        const bytes = this.#readNear(this.#near, entry, key, chunk);
        this.#share(id, bytes);
        waits.push(bytes.then((one) => void found.set(chunk, one)));
      } else missing.push(chunk);
    }
    for (const run of this.#runs(entry.chunks, missing, key)) {
      const reading = this.#readRun(entry, key, run);
      for (const chunk of run) {
        const bytes = reading.then((chunks) => chunks.get(chunk) as Uint8Array);
        this.#share(`${key}#${chunk}`, bytes);
      }
      waits.push(
        reading.then((chunks) => {
          for (const chunk of run) found.set(chunk, chunks.get(chunk) as Uint8Array);
        }),
      );
    }
    // All of them, so that no failure is left without a listener.
    for (const outcome of await Promise.allSettled(waits)) if (outcome.status === 'rejected') throw outcome.reason;
    return found;
  }

  /** Reads chunks that will be needed soon. Failures are left to whoever needs them. */
  prefetch(entry: BlockEntry, wanted: readonly number[]): Promise<void> {
    return this.read(entry, wanted).then(
      () => {},
      () => {},
    );
  }

  /** Keeps bytes that were just written, which belong to the reader from now on. */
  keep(entry: BlockEntry, chunk: number, bytes: Uint8Array): void {
    this.#cache.keep(`${keyOfObject(entry.object)}#${chunk}`, bytes);
    this.#near?.keep(entry.object, chunk, bytes);
  }

  async close(): Promise<void> {
    this.#cache.clear();
    await this.#near?.close();
  }

  /** Lets others wait for the same bytes. */
  #share(id: string, bytes: Promise<Uint8Array>): void {
    this.#underWay.set(id, bytes);
    const forget = (): void => void this.#underWay.delete(id);
    bytes.then(forget, forget);
  }

  /** What is damaged or lost there is had from the store. */
  async #readNear(near: ChunkCache, entry: BlockEntry, key: string, chunk: number): Promise<Uint8Array> {
    const bytes = await near.read(entry.object, chunk);
    if (bytes === undefined) return (await this.#readRun(entry, key, [chunk])).get(chunk) as Uint8Array;
    this.#cache.keep(`${key}#${chunk}`, bytes);
    return bytes;
  }

  /** Chunks that are read in one request each; those between them included. */
  #runs(chunks: ChunkBitmap, missing: readonly number[], key: string): readonly number[][] {
    const runs: number[][] = [];
    for (const chunk of missing) {
      const run = runs.at(-1);
      const last = run?.at(-1);
      if (run === undefined || last === undefined || chunk - last > gapMax) {
        runs.push([chunk]);
        continue;
      }
      for (let between = last + 1; between < chunk; between++) {
        if (hasChunk(chunks, between) && !this.#underWay.has(`${key}#${between}`)) run.push(between);
      }
      run.push(chunk);
    }
    return runs;
  }

  async #readRun(
    { object, chunks }: BlockEntry,
    key: string,
    run: readonly number[],
  ): Promise<ReadonlyMap<number, Uint8Array>> {
    const [first, last] = [run[0] as number, run.at(-1) as number];
    const range = rangeOfChunks(chunks, this.#chunkBytes, first, last);
    return this.#gets.run(async () => {
      const { body } = await this.#store.get(key, { range });
      const found = new Map(decodeChunks(object, chunks, this.#chunkBytes, first, last, body));
      const kept = new Map([...found].map(([chunk, bytes]) => [`${key}#${chunk}`, bytes]));
      this.#cache.keepTogether(kept, body.buffer.byteLength);
      for (const [chunk, bytes] of found) this.#near?.keep(object, chunk, bytes);
      if (run.some((chunk) => !found.has(chunk))) throw formatError(`object '${key}'`, 'a chunk is missing');
      return found;
    });
  }
}
