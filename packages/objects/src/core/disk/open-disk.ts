/** Opening a disk: finding its state, and for writing, becoming its only writer. */
import { UsageError } from '@nbdjs/interfaces';
import { wait } from '@nbdjs/kit';
import { ChunkCache } from '../cache/chunk-cache.ts';
import { chunksPerObject } from '../format/data-object.ts';
import type { Lineage, Manifest, WriterRecord } from '../format/manifest.ts';
import { trailMax } from '../format/writers.ts';
import { type LoadedDisk, ManifestRegister } from '../map/manifest-register.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { createRetryingStore } from '../store/retrying-store.ts';
import { isStoreError } from '../store/store-error.ts';
import { requireConditions } from './conditions.ts';
import type { ObjectDisk } from './disk-interface.ts';
import { type DiskParts, StoreDisk } from './object-disk.ts';
import { type DiskSettings, type OpenDiskOptions, openDiskOptions } from './options.ts';
import { WriterSession } from './writer-session.ts';

/** A silent writer is watched this many times within its lease. */
const looksPerLease = 4;

/**
 * So many changes of the manifest show that the writer is alive. One does not: of a dead writer one manifest may still be under way, but no
 * more, because the condition of the next one needs the answer to it.
 */
const changesOfLiving = 2;

/** Others wait longer than the writer itself relies on its lease, so that clocks may run at different speeds. */
const leaseFactor = 1.25;

/**
 * Opens a disk. Closing it does not close the store.
 *
 * @throws UsageError `ERR_NBD_STATE` when another writer has it; `ERR_NBD_NOT_SUPPORTED` for writing to a store that does not keep to
 *   conditions; `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing. StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no
 *   such disk or snapshot, and what else the store throws. CommandError `EIO` for a manifest that is damaged.
 */
export async function openDisk(store: ObjectStore, name: string, options: OpenDiskOptions): Promise<ObjectDisk> {
  return (await openStoreDisk(store, name, options)).disk;
}

/**
 * The same, with what the manifest says besides.
 *
 * @param beforeCommit called before each manifest, with its state in hand
 */
export async function openStoreDisk(
  store: ObjectStore,
  name: string,
  options: OpenDiskOptions,
  beforeCommit?: () => Promise<void>,
): Promise<{ readonly disk: ObjectDisk; readonly id: string; readonly lineage: Lineage | undefined }> {
  const settings = openDiskOptions.resolve('openDisk', options);
  const { clock, random, retryMs, attemptMs, onRetry, snapshot } = settings;
  const patient = createRetryingStore(store, { clock, random, retryMs, attemptMs, onRetry });
  const register = new ManifestRegister(patient, name);
  const open = async (parts: Pick<DiskParts, 'manifest' | 'map' | 'size' | 'session' | 'beforeCommit'>) => {
    const { manifest } = parts;
    const cache = await openCache(manifest, settings);
    const disk = new StoreDisk({ name, store: patient, clock, settings, cache, ...parts });
    return { disk, id: manifest.id, lineage: manifest.lineage };
  };
  if (settings.readOnly || snapshot !== undefined) {
    const { manifest } = await register.loadDisk({ signal: settings.signal });
    const { map, size } = snapshot === undefined ? manifest : register.snapshotOf(manifest, snapshot);
    return open({ manifest, map, size, session: undefined });
  }
  settings.signal?.throwIfAborted();
  await requireConditions(patient, settings.makeId());
  const { loaded, startMs } = await acquire(register, settings);
  const session = new WriterSession(register, clock, loaded, startMs, settings.onFenced);
  const { manifest } = loaded;
  return open({ manifest, map: manifest.map, size: manifest.size, session, beforeCommit });
}

async function openCache(
  { id, objectBytes, trail = [] }: Manifest,
  { localCache }: DiskSettings,
): Promise<ChunkCache | undefined> {
  if (localCache === undefined) return undefined;
  return ChunkCache.open(localCache, { id, chunkBytes: objectBytes / chunksPerObject, trail });
}

/** Becomes the writer. */
async function acquire(
  register: ManifestRegister,
  settings: DiskSettings,
): Promise<{ readonly loaded: LoadedDisk; readonly startMs: number }> {
  const { clock, signal } = settings;
  const writer: WriterRecord = {
    nonce: settings.makeId(),
    label: settings.label,
    identity: settings.identity,
    leaseMs: settings.leaseMs,
  };
  let watched: { readonly commit: number; readonly sinceMs: number } | undefined;
  let changes = 0;
  for (;;) {
    const askedMs = clock.now();
    const { manifest, etag } = await register.loadDisk({ signal });
    const other = manifest.writer;
    if (other !== undefined && !isOurs(other, settings) && settings.takeOver !== 'now') {
      if (watched !== undefined && manifest.commit !== watched.commit) changes++;
      if (settings.takeOver === 'never' || changes >= changesOfLiving) throw inUse(register, manifest, other);
      const waitMs = leaseFactor * other.leaseMs;
      if (watched === undefined) settings.onWait?.({ label: other.label, epoch: manifest.epoch, waitMs });
      // The silence is measured by our own clock, from an answer to a later question: no clock is compared with another.
      if (manifest.commit !== watched?.commit) watched = { commit: manifest.commit, sinceMs: clock.now() };
      if (askedMs - watched.sinceMs < waitMs) {
        await wait(clock, other.leaseMs / looksPerLease, { signal });
        continue;
      }
    }
    const epoch = manifest.epoch + 1;
    const lineage = lineageOf(manifest.lineage, settings.identity, epoch);
    const trail = [...(manifest.trail ?? []), { epoch, nonce: writer.nonce }].slice(-trailMax);
    const next: Manifest = { ...manifest, epoch, commit: manifest.commit + 1, floor: 0, writer, lineage, trail };
    const startMs = clock.now();
    try {
      const swapped = await register.swap(etag, next);
      return { loaded: { manifest: next, etag: swapped }, startMs };
    } catch (error) {
      // Somebody was quicker: the writer itself, or another one that wants to be it.
      if (!isStoreError(error, 'ERR_NBD_STORE_PRECONDITION')) throw error;
    }
  }
}

function lineageOf(before: Lineage | undefined, identity: string | undefined, epoch: number): Lineage | undefined {
  if (identity === undefined) return undefined;
  return before?.identity === identity ? before : { identity, since: epoch };
}

function isOurs(other: WriterRecord, { identity }: DiskSettings): boolean {
  return identity !== undefined && other.identity === identity;
}

function inUse(register: ManifestRegister, { epoch }: Manifest, { label }: WriterRecord): UsageError {
  const hint = 'close it there, or take it over';
  return new UsageError('ERR_NBD_STATE', `${register.what} is in use by '${label}' (epoch ${epoch}); ${hint}`);
}
