/** Stores objects under new names, and puts them into the map of a disk. */
import type { BlockEntry } from '../format/index-page.ts';
import { isSameObject, keyOfObject, type ObjectName } from '../format/object-name.ts';
import type { BlockMap } from '../map/block-map.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { WriterSession } from './writer-session.ts';

export interface ObjectWriterParts {
  readonly store: ObjectStore;
  readonly session: WriterSession;
  readonly map: BlockMap;
  /** The id of the disk. */
  readonly disk: string;
}

export class ObjectWriter {
  readonly #parts: ObjectWriterParts;
  /** Serials that were given away, and whose objects no map has yet. */
  readonly #unnamed = new Set<number>();
  /** Objects that no manifest can have, by their block. */
  readonly #uncommitted = new Map<number, ObjectName>();

  constructor(parts: ObjectWriterParts) {
    this.#parts = parts;
  }

  /** Objects of this writer with lower serials are in the map, or are of no use. */
  get floor(): number {
    return Math.min(this.#parts.session.nextSerial, ...this.#unnamed);
  }

  /** From now on a manifest may have all that the map has. */
  committing(): void {
    this.#uncommitted.clear();
  }

  /** The map has no blocks from `end` on any more. */
  dropFrom(end: number): void {
    for (const block of this.#uncommitted.keys()) if (block >= end) this.#uncommitted.delete(block);
  }

  /** Stores an object under a name that is new. `named` has to put it into a map at once. */
  async put(bodyOf: (object: ObjectName) => Uint8Array, named: (object: ObjectName) => void): Promise<void> {
    const { store, session, disk } = this.#parts;
    const object = { owner: disk, epoch: session.epoch, serial: session.takeSerial() };
    this.#unnamed.add(object.serial);
    try {
      await store.put(keyOfObject(object), bodyOf(object), { ifNoneMatch: true });
      named(object);
    } finally {
      // A name that could not be stored is never used again: the object may still come.
      this.#unnamed.delete(object.serial);
    }
  }

  /** Changes the map. An object that was replaced before any manifest could name it is removed. */
  name(block: number, entry: BlockEntry | undefined): void {
    const { store, map } = this.#parts;
    const old = this.#uncommitted.get(block);
    this.#uncommitted.delete(block);
    map.set(block, entry);
    if (entry !== undefined) this.#uncommitted.set(block, entry.object);
    if (old === undefined || isSameObject(old, entry?.object)) return;
    store.delete(keyOfObject(old)).catch(() => {
      // The collection will find it.
    });
  }
}
