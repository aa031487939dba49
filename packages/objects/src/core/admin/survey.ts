/**
 * All manifests of a store as they were at one moment, though there is no request that reads them all at once: they are read twice, and
 * again until no disk was made or deleted and no snapshot changed in between. Writers may go on meanwhile.
 */
import { CommandError } from '@nbdjs/interfaces';
import { disksPrefix, type Manifest } from '../format/manifest.ts';
import { keyOfObject, type ObjectName } from '../format/object-name.ts';
import { ManifestRegister } from '../map/manifest-register.ts';
import { PageReader } from '../map/page-reader.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { isStoreError } from '../store/store-error.ts';
import { blocksOf } from './list-disks.ts';
import { listAll } from './store-use.ts';

/** Surveys until it is given up. */
const attemptsMax = 10;

export interface Survey {
  /** By the name of the disk; only those that are not deleted. */
  readonly disks: ReadonlyMap<string, Manifest>;
  /** Keys of all objects that a manifest names. */
  readonly named: ReadonlySet<string>;
}

/** @throws CommandError `EIO` when the disks do not stand still, or a manifest or page is damaged. StoreError what the store throws. */
export async function surveyStore(store: ObjectStore, onManifest?: (count: number) => void): Promise<Survey> {
  let count = 0;
  const note = (): void => onManifest?.(++count);
  const reader = new PageReader(store);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const before = await loadAll(store, note);
    const named = await namesOf(reader, before.values());
    // A page that is gone was replaced meanwhile, and collected by somebody else.
    if (named === undefined) continue;
    if (isSame(before, await loadAll(store, note))) return { disks: before, named };
  }
  throw new CommandError(
    'EIO',
    `${store.name}: disks or snapshots have changed during each of ${attemptsMax} attempts`,
  );
}

async function loadAll(store: ObjectStore, note: () => void): Promise<Map<string, Manifest>> {
  const disks = new Map<string, Manifest>();
  for await (const { key } of listAll(store, disksPrefix)) {
    const name = key.slice(disksPrefix.length);
    const loaded = await new ManifestRegister(store, name).load();
    note();
    if (loaded !== undefined && !('isDeleted' in loaded.manifest)) disks.set(name, loaded.manifest);
  }
  return disks;
}

async function namesOf(reader: PageReader, manifests: Iterable<Manifest>): Promise<Set<string> | undefined> {
  const named = new Set<string>();
  const add = (object: ObjectName): void => void named.add(keyOfObject(object));
  try {
    for (const manifest of manifests) {
      for (const { map } of [manifest, ...manifest.snapshots.values()]) {
        for (const page of map.pages.values()) add(page);
        for await (const [, { object }] of blocksOf(reader, map)) add(object);
      }
    }
  } catch (error) {
    if (isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND')) return undefined;
    throw error;
  }
  return named;
}

/** Whether the same disks are there, with the same snapshots. */
function isSame(before: ReadonlyMap<string, Manifest>, after: ReadonlyMap<string, Manifest>): boolean {
  if (before.size !== after.size) return false;
  for (const [name, { id, generation }] of before) {
    const now = after.get(name);
    if (now?.id !== id || now.generation !== generation) return false;
  }
  return true;
}
