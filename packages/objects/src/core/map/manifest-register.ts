/** The place of a manifest in the store. */
import { type Abortable, UsageError } from '@nbdjs/interfaces';
import {
  decodeManifest,
  encodeManifest,
  isName,
  keyOfDisk,
  type Manifest,
  manifestBytesMax,
  type SnapshotRecord,
  type Tombstone,
} from '../format/manifest.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { isStoreError, StoreError } from '../store/store-error.ts';

/** What is there, and the condition for replacing it. */
export interface LoadedManifest {
  readonly manifest: Manifest | Tombstone;
  readonly etag: string;
}

/** A disk that is there. */
export interface LoadedDisk {
  readonly manifest: Manifest;
  readonly etag: string;
}

export class ManifestRegister {
  readonly store: ObjectStore;
  readonly disk: string;
  /** The disk in words. */
  readonly what: string;
  readonly #key: string;

  /** @throws UsageError `ERR_NBD_ARGUMENT` for a name that a disk cannot have. */
  constructor(store: ObjectStore, disk: string) {
    if (!disk.split('/').every(isName)) {
      const message = `the name of a disk is '${disk}', expected letters, digits, '.', '_' and '-', 1 to 128 in each folder`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    this.store = store;
    this.disk = disk;
    this.what = `disk '${disk}' in ${store.name}`;
    this.#key = keyOfDisk(disk);
  }

  /** What is there; `undefined` when there never was a disk of this name. */
  async load(options?: Abortable): Promise<LoadedManifest | undefined> {
    try {
      const { body, etag } = await this.store.get(this.#key, options);
      return { manifest: decodeManifest(this.what, body), etag };
    } catch (error) {
      if (isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no such disk, or it was deleted. */
  async loadDisk(options?: Abortable): Promise<LoadedDisk> {
    const loaded = await this.load(options);
    if (loaded === undefined || 'isDeleted' in loaded.manifest) {
      const why = loaded === undefined ? 'there is no such disk' : 'it was deleted';
      throw new StoreError('ERR_NBD_STORE_NOT_FOUND', `${this.what}: ${why}`, { operation: 'get', key: this.#key });
    }
    return { manifest: loaded.manifest, etag: loaded.etag };
  }

  /** @throws UsageError `ERR_NBD_ARGUMENT` when there is no such snapshot. */
  snapshotOf(manifest: Manifest, name: string): SnapshotRecord {
    const snapshot = manifest.snapshots.get(name);
    if (snapshot !== undefined) return snapshot;
    throw new UsageError('ERR_NBD_ARGUMENT', `${this.what} has no snapshot '${name}'`);
  }

  /**
   * Replaces what was loaded; `undefined` when nothing was there. Returns the next condition.
   *
   * @throws StoreError `ERR_NBD_STORE_PRECONDITION` when it is not there any more.
   */
  async swap(etag: string | undefined, next: Manifest | Tombstone, options?: Abortable): Promise<string> {
    const body = encodeManifest(next);
    if (body.length > manifestBytesMax) {
      const message = `${this.what}: its manifest would have ${body.length} bytes, expected at most ${manifestBytesMax}; delete snapshots`;
      throw new UsageError('ERR_NBD_TOO_LONG', message);
    }
    const condition = etag === undefined ? { ifNoneMatch: true } : { ifMatch: etag };
    return (await this.store.put(this.#key, body, { ...condition, signal: options?.signal })).etag;
  }

  /** Changes a disk that may have a writer, who will notice. The change is asked for again when somebody else was quicker. */
  async change(work: (manifest: Manifest) => Manifest | Tombstone): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { manifest, etag } = await this.loadDisk();
      try {
        await this.swap(etag, work(manifest));
        return;
      } catch (error) {
        if (!isStoreError(error, 'ERR_NBD_STORE_PRECONDITION') || attempt === attemptsMax) throw error;
      }
    }
  }
}

/** A writer that commits without end can be quicker so many times only by bad luck. */
const attemptsMax = 50;
