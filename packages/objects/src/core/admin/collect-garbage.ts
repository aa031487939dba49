/**
 * Removes objects that no manifest names, while writers work.
 *
 * An object without a name may be one that will get its name soon. Which ones these are follows from their own names and from the
 * manifests, without any clock: only the present writer of a disk can still name an object, and only one of its own epoch whose serial is
 * not below the manifest's floor. docs/decisions/0047 has the proof.
 */
import { defineOptions, type OptionsOf, option, Semaphore, settleAll } from '@nbdjs/kit';
import { storeUseOptions } from '../disk/options.ts';
import type { Manifest } from '../format/manifest.ts';
import { keyOfObject, type ObjectName, objectOfKey, objectsPrefix } from '../format/object-name.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { createRetryingStore } from '../store/retrying-store.ts';
import { listAll } from './store-use.ts';
import { surveyStore } from './survey.ts';

/** How far a collection is. */
export interface CollectionProgress {
  /** First all objects are listed, then manifests and index pages are read, then objects are removed. */
  readonly phase: 'list' | 'survey' | 'remove';
  /** Objects that were listed, manifests that were read, or objects that were removed. */
  readonly done: number;
  /** How many there are of them; `undefined` where that is not known yet. */
  readonly total: number | undefined;
}

export const collectGarbageOptions = defineOptions({
  ...storeUseOptions.definitions,
  /** Removes nothing, and only counts. @default false */
  dryRun: option.boolean({ default: false, doc: 'Removes nothing, and only counts.' }),
  /** Called for each object that is listed or removed, and each manifest that is read. @default none */
  onProgress: option.callback<(progress: CollectionProgress) => void>({
    defaultText: 'none',
    doc: 'Called for each object that is listed or removed, and each manifest that is read.',
  }),
  /** Objects that are removed at a time. @default 16 */
  parallel: option.count({ default: 16, most: 1024, doc: 'Objects that are removed at a time.' }),
});

/** How garbage is collected. */
export interface CollectGarbageOptions extends OptionsOf<typeof collectGarbageOptions> {}

/** What a collection has found. */
export interface Collection {
  /** Disks in the store. */
  readonly disks: number;
  /** Objects that manifests name. */
  readonly named: number;
  /** Objects without a name that a writer may still give one. */
  readonly young: number;
  /** Objects that were removed, or would have been. */
  readonly removed: number;
  /** Bytes of these. */
  readonly removedBytes: number;
}

interface Candidate {
  readonly object: ObjectName;
  readonly size: number;
}

/**
 * Removes objects that nothing needs. Several collections at a time do no harm.
 *
 * @throws StoreError what the store throws; CommandError `EIO` when a manifest or an index page is damaged (nothing is removed then), or
 *   when disks and snapshots change all the time; UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export async function collectGarbage(store: ObjectStore, options: CollectGarbageOptions): Promise<Collection> {
  const settings = collectGarbageOptions.resolve('collectGarbage', options);
  const { clock, random, retryMs, attemptMs, onRetry, dryRun, parallel, onProgress } = settings;
  const patient = createRetryingStore(store, { clock, random, retryMs, attemptMs, onRetry });
  // First the objects, then the manifests: the disk of each object that is found was there before.
  const candidates: Candidate[] = [];
  let listed = 0;
  for await (const { key, size } of listAll(patient, objectsPrefix)) {
    onProgress?.({ phase: 'list', done: ++listed, total: undefined });
    const object = objectOfKey(key);
    if (object !== undefined) candidates.push({ object, size });
  }
  const { disks, named } = await surveyStore(patient, (done) =>
    onProgress?.({ phase: 'survey', done, total: undefined }),
  );
  const byId = new Map([...disks.values()].map((manifest) => [manifest.id, manifest]));
  const unnamed = candidates.filter(({ object }) => !named.has(keyOfObject(object)));
  const garbage = unnamed.filter(({ object }) => !mayBeNamed(object, byId.get(object.owner)));
  if (!dryRun) {
    const places = new Semaphore(parallel);
    let done = 0;
    const remove = async (object: ObjectName): Promise<void> => {
      await patient.delete(keyOfObject(object));
      onProgress?.({ phase: 'remove', done: ++done, total: garbage.length });
    };
    await settleAll(garbage.map(({ object }) => places.run(() => remove(object))));
  }
  return {
    disks: disks.size,
    named: named.size,
    young: unnamed.length - garbage.length,
    removed: garbage.length,
    removedBytes: garbage.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Whether the writer of its disk may still name an object. */
function mayBeNamed({ epoch, serial }: ObjectName, disk: Manifest | undefined): boolean {
  if (disk === undefined) return false;
  return epoch > disk.epoch || (epoch === disk.epoch && serial >= disk.floor);
}
