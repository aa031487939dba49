/** Which disks there are, and what they consist of. */
import type { StoreUseOptions } from '../disk/options.ts';
import { chunksPerObject, countChunks, objectLength } from '../format/data-object.ts';
import { type BlockMapState, disksPrefix, type Manifest, type Origin } from '../format/manifest.ts';
import { BlockMap } from '../map/block-map.ts';
import { ManifestRegister } from '../map/manifest-register.ts';
import { PageReader } from '../map/page-reader.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { listAll, useStore } from './store-use.ts';

/** One snapshot of a disk. */
export interface SnapshotFacts {
  /** Its name. */
  readonly name: string;
  /** When it was made, in milliseconds since 1970, by the clock of the maker. */
  readonly time: number;
  /** Size in bytes. */
  readonly size: number;
  /** Clones that were begun from it and not finished. */
  readonly pins: readonly string[];
}

/** What a manifest says. */
export interface DiskFacts {
  /** Its name in the store. */
  readonly name: string;
  /** Its id, which its objects have in their names. */
  readonly id: string;
  /** When it was made, in milliseconds since 1970, by the clock of the maker. */
  readonly time: number;
  /** Size in bytes. */
  readonly size: number;
  /** Size of its objects, in bytes. */
  readonly objectBytes: number;
  /** Counts the writers so far. */
  readonly epoch: number;
  /** Counts the manifests so far. */
  readonly commit: number;
  /** Who writes; `undefined` when the last writer has closed it. It may be dead, or silent. */
  readonly writer: { readonly label: string; readonly leaseMs: number } | undefined;
  /** Where it was cloned from. */
  readonly origin: Origin | undefined;
  /** Its snapshots, the oldest first. */
  readonly snapshots: readonly SnapshotFacts[];
}

/** How much is stored of a state. */
export interface DiskUsage {
  /** Objects with data that it names, shared ones included. */
  readonly objects: number;
  /** Bytes of these objects. */
  readonly storedBytes: number;
  /** Bytes of the disk that are no holes. */
  readonly dataBytes: number;
}

/**
 * The names of all disks, ascending. It costs one request for each disk, to leave out those that were deleted.
 *
 * @throws StoreError what the store throws; UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export async function listDisks(store: ObjectStore, options: StoreUseOptions): Promise<readonly string[]> {
  const { patient } = useStore('listDisks', store, options);
  const names: string[] = [];
  for await (const { key } of listAll(patient, disksPrefix)) {
    const name = key.slice(disksPrefix.length);
    const loaded = await new ManifestRegister(patient, name).load();
    if (loaded !== undefined && !('isDeleted' in loaded.manifest)) names.push(name);
  }
  return names.sort();
}

/**
 * What the manifest of a disk says. It costs one request.
 *
 * @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no such disk; CommandError `EIO` for a manifest that is damaged; UsageError
 *   `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export async function inspectDisk(store: ObjectStore, disk: string, options: StoreUseOptions): Promise<DiskFacts> {
  const { patient } = useStore('inspectDisk', store, options);
  const { manifest } = await new ManifestRegister(patient, disk).loadDisk();
  return factsOf(disk, manifest);
}

/**
 * How much a disk, or one of its snapshots, takes. It costs one request for each 4096 objects.
 *
 * @param snapshot its name; `undefined` for the disk as it was flushed last
 * @throws as `inspectDisk`.
 */
export async function measureDisk(
  store: ObjectStore,
  disk: string,
  snapshot: string | undefined,
  options: StoreUseOptions,
): Promise<DiskUsage> {
  const { patient } = useStore('measureDisk', store, options);
  const register = new ManifestRegister(patient, disk);
  const { manifest } = await register.loadDisk();
  const { map } = snapshot === undefined ? manifest : register.snapshotOf(manifest, snapshot);
  const chunkBytes = manifest.objectBytes / chunksPerObject;
  let [objects, storedBytes, dataBytes] = [0, 0, 0];
  for await (const [, { chunks }] of blocksOf(new PageReader(patient), map)) {
    objects++;
    storedBytes += objectLength(chunks, chunkBytes);
    dataBytes += countChunks(chunks) * chunkBytes;
  }
  return { objects, storedBytes, dataBytes };
}

/** All blocks that a state has. */
export async function* blocksOf(reader: PageReader, state: BlockMapState) {
  const map = new BlockMap(reader, state);
  for (const page of map.pageNumbers()) yield* await map.blocksOf(page, 0, Number.POSITIVE_INFINITY);
}

function factsOf(name: string, manifest: Manifest): DiskFacts {
  const { id, time, size, objectBytes, epoch, commit, writer, origin, snapshots } = manifest;
  return {
    name,
    id,
    time,
    size,
    objectBytes,
    epoch,
    commit,
    origin,
    writer: writer && { label: writer.label, leaseMs: writer.leaseMs },
    snapshots: [...snapshots]
      .map(([snapshot, one]) => ({ name: snapshot, time: one.time, size: one.size, pins: one.pins }))
      .sort((one, other) => one.time - other.time),
  };
}
