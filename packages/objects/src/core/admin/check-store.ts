/** Whether all that manifests name is there, and is what it should be. */
import { defineOptions, type OptionsOf, option, Semaphore, type SettingsOf, settleAll } from '@nbdjs/kit';
import { storeUseOptions } from '../disk/options.ts';
import { checkObject, chunksPerObject, objectLength } from '../format/data-object.ts';
import type { BlockEntry } from '../format/index-page.ts';
import { type BlockMapState, disksPrefix, type Manifest } from '../format/manifest.ts';
import { keyOfObject, objectsPrefix } from '../format/object-name.ts';
import { ManifestRegister } from '../map/manifest-register.ts';
import { PageReader } from '../map/page-reader.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { createRetryingStore } from '../store/retrying-store.ts';
import { blocksOf } from './list-disks.ts';
import { pinOf, withPins } from './snapshots.ts';
import { listAll } from './store-use.ts';

/** How far a check is. */
export interface CheckProgress {
  /** Objects that were looked at. */
  readonly done: number;
  /** Objects that were found in manifests and index pages so far. */
  readonly found: number;
}

export const checkStoreOptions = defineOptions({
  ...storeUseOptions.definitions,
  /** Reads all objects, and compares their checksums. @default false: their lengths only */
  data: option.boolean({
    default: false,
    doc: 'Reads all objects, and compares their checksums. Without it, only their lengths are compared.',
  }),
  /** Removes the pins of clones that are finished. @default false */
  repair: option.boolean({ default: false, doc: 'Removes the pins of clones that are finished.' }),
  /** Called for each object that was looked at. @default none */
  onProgress: option.callback<(progress: CheckProgress) => void>({
    defaultText: 'none',
    doc: 'Called for each object that was looked at.',
  }),
  /** Objects that are read at a time. @default 16 */
  parallel: option.count({ default: 16, most: 1024, doc: 'Objects that are read at a time.' }),
});

/** What is checked. */
export interface CheckStoreOptions extends OptionsOf<typeof checkStoreOptions> {}

/** Something that is wrong. */
export interface StoreProblem {
  /** The disk; with a snapshot, `disk@snapshot`. */
  readonly where: string;
  /** What is wrong, in words. */
  readonly what: string;
  /** Whether bytes are lost by it; else it only takes space. */
  readonly isLoss: boolean;
}

/** What a check has found. */
export interface StoreCheck {
  /** Disks that were looked at. */
  readonly disks: number;
  /** Objects that they name. */
  readonly objects: number;
  /** All that is wrong. */
  readonly problems: readonly StoreProblem[];
}

/**
 * Checks all disks of a store, or one. Disks that have a writer are checked as they were flushed last; a block that the writer replaces
 * while it is looked at, and that somebody collects, may be reported as missing then.
 *
 * @param disk its name; `undefined` for all
 * @throws StoreError what the store throws; UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export async function checkStore(
  store: ObjectStore,
  disk: string | undefined,
  options: CheckStoreOptions,
): Promise<StoreCheck> {
  const settings = checkStoreOptions.resolve('checkStore', options);
  const { clock, random, retryMs, attemptMs, onRetry } = settings;
  const patient = createRetryingStore(store, { clock, random, retryMs, attemptMs, onRetry });
  const names: string[] = [];
  if (disk !== undefined) names.push(disk);
  else for await (const { key } of listAll(patient, disksPrefix)) names.push(key.slice(disksPrefix.length));
  const check = new Check(patient, settings);
  for (const name of names.sort()) await check.disk(name, disk !== undefined);
  return { disks: check.disks, objects: check.objects, problems: check.problems };
}

type CheckSettings = Pick<SettingsOf<typeof checkStoreOptions>, 'data' | 'repair' | 'parallel' | 'onProgress'>;

class Check {
  readonly #store: ObjectStore;
  readonly #readsData: boolean;
  readonly #repairs: boolean;
  readonly #places: Semaphore;
  readonly #onProgress: ((progress: CheckProgress) => void) | undefined;
  /** Lengths of objects by key. They are listed by owner, when the first object of that owner is looked at. */
  readonly #lengths = new Map<string, Promise<ReadonlyMap<string, number>>>();
  /** Objects of several states are looked at once. */
  readonly #seen = new Set<string>();
  readonly problems: StoreProblem[] = [];
  disks = 0;
  objects = 0;
  #done = 0;

  constructor(store: ObjectStore, { data, repair, parallel, onProgress }: CheckSettings) {
    this.#store = store;
    this.#readsData = data;
    this.#repairs = repair;
    this.#places = new Semaphore(parallel);
    this.#onProgress = onProgress;
  }

  async disk(name: string, isAsked: boolean): Promise<void> {
    const register = new ManifestRegister(this.#store, name);
    let manifest: Manifest;
    try {
      const loaded = isAsked ? await register.loadDisk() : await register.load();
      if (loaded === undefined || 'isDeleted' in loaded.manifest) return;
      manifest = loaded.manifest;
    } catch (error) {
      if (isAsked) throw error;
      this.#note(name, error, true);
      return;
    }
    this.disks++;
    await this.#state(name, manifest, manifest.map);
    for (const [snapshot, { map, pins }] of manifest.snapshots) {
      await this.#state(`${name}@${snapshot}`, manifest, map);
      for (const pin of pins) await this.#pin(register, snapshot, pin);
    }
  }

  async #state(where: string, { objectBytes }: Manifest, map: BlockMapState): Promise<void> {
    const chunkBytes = objectBytes / chunksPerObject;
    const work: Promise<void>[] = [];
    try {
      for await (const [block, entry] of blocksOf(new PageReader(this.#store), map)) {
        const key = keyOfObject(entry.object);
        if (this.#seen.has(key)) continue;
        this.#seen.add(key);
        this.objects++;
        work.push(this.#places.run(() => this.#object(`${where}, block ${block}`, key, entry, chunkBytes)));
      }
    } catch (error) {
      this.#note(where, error, true);
    }
    await settleAll(work);
  }

  async #object(where: string, key: string, entry: BlockEntry, chunkBytes: number): Promise<void> {
    await this.#compare(where, key, entry, chunkBytes);
    this.#done++;
    this.#onProgress?.({ done: this.#done, found: this.objects });
  }

  async #compare(where: string, key: string, entry: BlockEntry, chunkBytes: number): Promise<void> {
    try {
      if (this.#readsData) {
        const { body } = await this.#store.get(key);
        checkObject(entry.object, entry.chunks, chunkBytes, body);
        return;
      }
      const length = (await this.#lengthsOf(entry.object.owner)).get(key);
      const expected = objectLength(entry.chunks, chunkBytes);
      if (length === expected) return;
      const what =
        length === undefined
          ? `object '${key}' is missing`
          : `object '${key}' has ${length} bytes, expected ${expected}`;
      this.problems.push({ where, what, isLoss: true });
    } catch (error) {
      this.#note(where, error, true);
    }
  }

  #lengthsOf(owner: string): Promise<ReadonlyMap<string, number>> {
    let lengths = this.#lengths.get(owner);
    if (lengths === undefined) {
      lengths = this.#list(`${objectsPrefix}${owner}/`);
      this.#lengths.set(owner, lengths);
    }
    return lengths;
  }

  async #list(prefix: string): Promise<ReadonlyMap<string, number>> {
    const lengths = new Map<string, number>();
    for await (const { key, size } of listAll(this.#store, prefix)) lengths.set(key, size);
    return lengths;
  }

  /** A pin of a clone that is there has been forgotten. One of a clone that is not there may still be at work. */
  async #pin(register: ManifestRegister, snapshot: string, pin: string): Promise<void> {
    const clone = pin.slice(0, pin.lastIndexOf(':'));
    const loaded = await new ManifestRegister(this.#store, clone).load();
    const isDone = loaded !== undefined && pin === pinOf(clone, loaded.manifest.id);
    const where = `${register.disk}@${snapshot}`;
    if (isDone && this.#repairs) {
      await register.change((manifest) =>
        withPins(register, manifest, snapshot, (pins) => pins.filter((other) => other !== pin)),
      );
      return;
    }
    const state = isDone ? 'is finished' : 'was begun';
    const what = `a clone to '${clone}' ${state}, and the snapshot is still pinned for it`;
    this.problems.push({ where, what, isLoss: false });
  }

  #note(where: string, error: unknown, isLoss: boolean): void {
    this.problems.push({ where, what: error instanceof Error ? error.message : String(error), isLoss });
  }
}
