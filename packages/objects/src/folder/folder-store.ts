/**
 * A store in a folder. Each object is a file; a put writes a file of its own and then gives it its name, so that readers see objects whole.
 *
 * Where there was no object, the name is made by a hard link, which fails when there is one by then. All other changes of a key hold its
 * lock while they compare and rename. Both are exact between processes, and between machines where the file system is.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Abortable, UsageError } from '@nbdjs/interfaces';
import { defineOptions, Lifetime, type OptionsOf, option, untilAborted } from '@nbdjs/kit';
import { requireKey } from '../core/store/key.ts';
import type {
  DeleteOptions,
  GetOptions,
  ListOptions,
  ListPage,
  ObjectFacts,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreAbilities,
  StoredObject,
} from '../core/store/object-store.ts';
import { requireOneCondition, requireRange } from '../core/store/requests.ts';
import { StoreError, type StoreOperation } from '../core/store/store-error.ts';
import { storeErrorOf } from './folder-errors.ts';
import { FolderSync } from './folder-sync.ts';
import { KeyLocks } from './key-locks.ts';
import { KeyPages } from './key-pages.ts';
import { createLayout, type Layout, openLayout, removeLeftovers } from './layout.ts';
import { readObject, writeObject } from './object-file.ts';
import { pathOfKey } from './object-path.ts';

export const folderStoreOptions = defineOptions({
  /** Makes the folder a store, if it is empty or not there. @default false: it has to be one */
  create: option.boolean({
    default: false,
    doc: 'Makes the folder a store, if it is empty or not there. Without it, the folder has to be one.',
  }),
});

/** How a folder is opened. */
export interface FolderStoreOptions extends OptionsOf<typeof folderStoreOptions> {}

/** File systems without hard links answer so. */
const noLinks: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Folders that are remembered. */
const foldersMax = 10_000;

/** A folder may be removed as empty between its making and its use, by a delete, so many times. */
const attemptsMax = 20;

/**
 * Opens a store in a folder. Several processes may have it open.
 *
 * @param path the folder
 * @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no store; UsageError `ERR_NBD_ARGUMENT` for a folder that has something else in
 *   it, or an option that is unknown or wrong, `ERR_NBD_NOT_SUPPORTED` for a store of a newer form; a system error when the folder cannot be read.
 */
export async function openFolderStore(path: string, options: FolderStoreOptions = {}): Promise<ObjectStore> {
  const { create } = folderStoreOptions.resolve('openFolderStore', options);
  const root = resolve(path);
  const layout = create ? await createLayout(root) : await openLayout(root);
  const locks = new KeyLocks(layout.locks);
  // A folder that can only be read has no use for locks; its puts say what is wrong.
  const canLock = await locks.work().catch(() => true);
  await removeLeftovers(layout);
  return new FolderStore(layout, locks, canLock);
}

class FolderStore implements ObjectStore {
  readonly name: string;
  readonly abilities: StoreAbilities;
  readonly #layout: Layout;
  readonly #locks: KeyLocks;
  readonly #sync = new FolderSync();
  readonly #pages: KeyPages;
  /** Folders whose own names are on stable storage. */
  readonly #safe = new Set<string>();
  readonly #life: Lifetime;

  constructor(layout: Layout, locks: KeyLocks, canLock: boolean) {
    this.name = `folder '${layout.root}'`;
    this.abilities = { conditionalPut: canLock, conditionalDelete: canLock, bodyBytesMax: 2 ** 31 - 1 };
    this.#layout = layout;
    this.#locks = locks;
    this.#pages = new KeyPages(layout);
    this.#life = new Lifetime(`the store ${this.name}`);
  }

  get(key: string, options: GetOptions = {}): Promise<StoredObject> {
    return this.#call('get', key, options, () => {
      if (options.range !== undefined) requireRange(options.range);
      return readObject(this.#pathOf(key), options.range);
    });
  }

  put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    return this.#call('put', key, options, async () => {
      requireOneCondition(key, options);
      if (options.ifMatch !== undefined && !this.abilities.conditionalPut) throw this.#noLocks('put with ifMatch');
      const fresh = join(this.#layout.temporary, randomBytes(12).toString('hex'));
      try {
        const etag = await writeObject(fresh, body);
        // From here on it is carried out, whether the caller waits or not.
        options.signal?.throwIfAborted();
        await this.#name(key, fresh, options);
        return { etag };
      } finally {
        await unlink(fresh).catch(() => {});
      }
    });
  }

  head(key: string, options: Abortable = {}): Promise<ObjectFacts> {
    return this.#call('head', key, options, async () => {
      const { size, etag } = await readObject(this.#pathOf(key), 'none');
      return { size, etag };
    });
  }

  delete(key: string, options: DeleteOptions = {}): Promise<void> {
    return this.#call('delete', key, options, async () => {
      const { ifMatch } = options;
      if (ifMatch !== undefined && !this.abilities.conditionalDelete) throw this.#noLocks('delete with ifMatch');
      const path = this.#pathOf(key);
      await this.#exclusively(key, async () => {
        if (ifMatch !== undefined) await this.#requireMatch('delete', key, ifMatch);
        await unlink(path).catch(ignoreMissing);
      });
      await this.#sync.sync(dirname(path));
      await this.#removeEmpty(dirname(path));
    });
  }

  list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    return this.#call('list', prefix, options, () => this.#pages.read(prefix, options));
  }

  async close(): Promise<void> {
    this.#life.end();
    this.#pages.clear();
  }

  async #call<Result>(
    operation: StoreOperation,
    key: string,
    { signal }: Abortable,
    work: () => Promise<Result>,
  ): Promise<Result> {
    this.#life.requireOpen();
    if (operation !== 'list') requireKey(key);
    signal?.throwIfAborted();
    try {
      return await untilAborted(work(), signal);
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) throw error;
      throw storeErrorOf(this.name, operation, key, error);
    }
  }

  /** Gives a file the name of an object, if the condition holds. */
  async #name(key: string, fresh: string, { ifNoneMatch = false, ifMatch }: PutOptions): Promise<void> {
    const path = this.#pathOf(key);
    if (ifNoneMatch && (await this.#linkNew(key, fresh, path))) return;
    await this.#exclusively(key, async () => {
      if (ifNoneMatch && (await isThere(path))) throw this.#unmet('put', key, 'it is there already');
      if (ifMatch !== undefined) await this.#requireMatch('put', key, ifMatch);
      await this.#inFolder(dirname(path), () => rename(fresh, path));
    });
    await this.#sync.sync(dirname(path));
  }

  /** Returns `false` where the file system has no hard links. */
  async #linkNew(key: string, fresh: string, path: string): Promise<boolean> {
    try {
      await this.#inFolder(dirname(path), () => link(fresh, path));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw this.#unmet('put', key, 'it is there already');
      if (noLinks.has(code)) return false;
      throw error;
    }
    await this.#sync.sync(dirname(path));
    return true;
  }

  /** Does something in a folder, which is made where it is missing. */
  async #inFolder(folder: string, work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await work();
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === attemptsMax) throw error;
        // The root itself is never made here: it may be a mount point without its file system.
        await stat(this.#layout.temporary);
        await mkdir(folder, { recursive: true });
        this.#safe.delete(folder);
      }
    }
    if (!this.#safe.has(folder)) await this.#syncUp(folder);
  }

  /** Syncs the folders above one. Another process may have made it, and not have come to that yet. */
  async #syncUp(folder: string): Promise<void> {
    for (let path = folder; path !== this.#layout.data; ) {
      path = dirname(path);
      await this.#sync.sync(path);
    }
    if (this.#safe.size >= foldersMax) this.#safe.clear();
    this.#safe.add(folder);
  }

  async #removeEmpty(folder: string): Promise<void> {
    try {
      for (let path = folder; path !== this.#layout.data; path = dirname(path)) await rmdir(path);
    } catch {
      // It is not empty, or gone.
    }
  }

  /** Without locks there are no conditions either, and so nothing that could be disturbed. */
  #exclusively<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.abilities.conditionalPut ? this.#locks.run(key, work) : work();
  }

  async #requireMatch(operation: StoreOperation, key: string, etag: string): Promise<void> {
    let present: string | undefined;
    try {
      present = (await readObject(this.#pathOf(key), 'none')).etag;
    } catch (error) {
      ignoreMissing(error);
    }
    if (present !== etag) throw this.#unmet(operation, key, `its ETag is ${present ?? 'none'}, expected ${etag}`);
  }

  #pathOf(key: string): string {
    return join(this.#layout.data, ...pathOfKey(key));
  }

  #unmet(operation: StoreOperation, key: string, why: string): StoreError {
    const message = `${operation} of '${key}' in ${this.name}: the condition does not hold, ${why}`;
    return new StoreError('ERR_NBD_STORE_PRECONDITION', message, { operation, key });
  }

  #noLocks(what: string): UsageError {
    return new UsageError(
      'ERR_NBD_NOT_SUPPORTED',
      `a ${what} needs locks on files, which ${this.name} has no way to take`,
    );
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    ignoreMissing(error);
    return false;
  }
}

/** @throws the error, unless it says that there is no such file. */
function ignoreMissing(error: unknown): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
