/**
 * Snapshots, clones and deletion: changes of manifests that go on beside a writer. The writer notices that its manifest was replaced, sees
 * that it is still the writer, and goes on from there.
 */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { type StoreUseOptions, storeUseOptions } from '../disk/options.ts';
import type { Manifest, SnapshotRecord } from '../format/manifest.ts';
import { requireSnapshotName } from '../format/snapshot-name.ts';
import { ManifestRegister } from '../map/manifest-register.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { putNewDisk } from './create-disk.ts';
import { useStore } from './store-use.ts';

export const deletionOptions = defineOptions({
  ...storeUseOptions.definitions,
  /** Even while a clone is being made: only when it is certain that whoever made it has given up. @default false */
  force: option.boolean({
    default: false,
    doc: 'Even while a clone is being made: only when it is certain that whoever made it has given up.',
  }),
});

/** How disks and snapshots are deleted. */
export interface DeletionOptions extends OptionsOf<typeof deletionOptions> {}

/**
 * Makes a snapshot of what the disk's writer has flushed last. `disk.snapshot` flushes before.
 *
 * @throws UsageError `ERR_NBD_EXISTS` when there is a snapshot of this name, `ERR_NBD_ARGUMENT` for a name that is not possible, or an option
 *   that is unknown, wrong or missing. StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no such disk, and what else the store throws.
 */
export async function createSnapshot(
  store: ObjectStore,
  disk: string,
  snapshot: string,
  options: StoreUseOptions,
): Promise<void> {
  const { patient, settings } = useStore('createSnapshot', store, options);
  requireSnapshotName(snapshot);
  const register = new ManifestRegister(patient, disk);
  await register.change((manifest) => {
    const { size, map, snapshots } = manifest;
    if (snapshots.has(snapshot))
      throw new UsageError('ERR_NBD_EXISTS', `${register.what} has a snapshot '${snapshot}' already`);
    const record: SnapshotRecord = { time: settings.wallClock(), size, map, pins: [] };
    return withSnapshots(manifest, new Map(snapshots).set(snapshot, record));
  });
}

/**
 * Removes a snapshot. What only it has names for is removed by the next collection.
 *
 * @throws UsageError `ERR_NBD_STATE` while a clone is being made from it, `ERR_NBD_ARGUMENT` when there is no such snapshot, or for an option
 *   that is unknown, wrong or missing. StoreError as `createSnapshot`.
 */
export async function deleteSnapshot(
  store: ObjectStore,
  disk: string,
  snapshot: string,
  options: DeletionOptions,
): Promise<void> {
  const { force } = deletionOptions.resolve('deleteSnapshot', options);
  const { patient } = useStore('deleteSnapshot', store, storeUseOptions.pick(options) as StoreUseOptions);
  const register = new ManifestRegister(patient, disk);
  await register.change((manifest) => {
    const { pins } = register.snapshotOf(manifest, snapshot);
    if (!force) requireNoPins(register, snapshot, pins);
    const snapshots = new Map(manifest.snapshots);
    snapshots.delete(snapshot);
    return withSnapshots(manifest, snapshots);
  });
}

/** What is cloned. */
export interface CloneSource {
  /** The disk. */
  readonly disk: string;
  /** One of its snapshots. */
  readonly snapshot: string;
}

/**
 * Makes a disk with the content of a snapshot, which both share until one of them changes it. It takes a few requests, however large the
 * disk is. The clone does not depend on the disk or the snapshot, which may be deleted afterwards.
 *
 * When this is interrupted, the snapshot may stay pinned: `checkStore` with `repair` removes the pin of a clone that was made, and
 * `deleteSnapshot` with `force` does not care.
 *
 * @throws UsageError `ERR_NBD_EXISTS` when there is a disk of the new name, and what `deleteSnapshot` throws.
 */
export async function cloneDisk(
  store: ObjectStore,
  { disk, snapshot }: CloneSource,
  clone: string,
  options: StoreUseOptions,
): Promise<void> {
  const { patient, settings } = useStore('cloneDisk', store, options);
  const register = new ManifestRegister(patient, disk);
  const target = new ManifestRegister(patient, clone);
  const id = settings.makeId();
  // Of this call alone: another call for the same name must not remove it.
  const pin = pinOf(clone, id);
  // Pinned, so that a collection that has not seen the clone yet still sees what it has.
  await register.change((manifest) => withPins(register, manifest, snapshot, (pins) => [...pins, pin]));
  const { manifest } = await register.loadDisk();
  const { size, map } = register.snapshotOf(manifest, snapshot);
  const unpin = (): Promise<void> =>
    register.change((present) =>
      withPins(register, present, snapshot, (pins) => pins.filter((other) => other !== pin)),
    );
  try {
    await putNewDisk(target, {
      id,
      time: settings.wallClock(),
      size,
      objectBytes: manifest.objectBytes,
      epoch: 0,
      commit: 0,
      floor: 0,
      generation: 0,
      writer: undefined,
      origin: { disk, snapshot },
      map,
      snapshots: new Map(),
    });
  } catch (error) {
    // Only where it is certain that no clone was made: else the pin stays, which costs space and nothing more.
    if (error instanceof UsageError) await unpin();
    throw error;
  }
  await unpin();
}

/**
 * Deletes a disk with its snapshots. A writer that still has it is fenced. Clones of it stay. What nothing else has names for is removed by
 * the next collection.
 *
 * @throws UsageError `ERR_NBD_STATE` while a clone is being made from one of its snapshots. StoreError as `createSnapshot`.
 */
export async function deleteDisk(store: ObjectStore, disk: string, options: DeletionOptions): Promise<void> {
  const { force } = deletionOptions.resolve('deleteDisk', options);
  const { patient } = useStore('deleteDisk', store, storeUseOptions.pick(options) as StoreUseOptions);
  const register = new ManifestRegister(patient, disk);
  await register.change(({ id, commit, snapshots }) => {
    for (const [snapshot, { pins }] of force ? [] : snapshots) requireNoPins(register, snapshot, pins);
    return { id, commit: commit + 1, isDeleted: true };
  });
}

/** The text that keeps a snapshot while a clone is made from it: which disk that will be. */
export function pinOf(clone: string, id: string): string {
  return `${clone}:${id}`;
}

function requireNoPins(register: ManifestRegister, snapshot: string, pins: readonly string[]): void {
  if (pins.length === 0) return;
  const message = `snapshot '${snapshot}' of ${register.what} is being cloned to '${pins.join("', '")}'`;
  throw new UsageError('ERR_NBD_STATE', message);
}

export function withPins(
  register: ManifestRegister,
  manifest: Manifest,
  snapshot: string,
  change: (pins: readonly string[]) => readonly string[],
): Manifest {
  const record = register.snapshotOf(manifest, snapshot);
  return withSnapshots(manifest, new Map(manifest.snapshots).set(snapshot, { ...record, pins: change(record.pins) }));
}

function withSnapshots(manifest: Manifest, snapshots: ReadonlyMap<string, SnapshotRecord>): Manifest {
  const { commit, generation } = manifest;
  return { ...manifest, commit: commit + 1, generation: generation + 1, snapshots };
}
