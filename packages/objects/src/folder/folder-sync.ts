/** Brings names in folders to stable storage. Those who ask while one sync runs share the next one. */
import { open } from 'node:fs/promises';

/** What systems answer that do not sync folders; their names are safe without. */
const unsupported: ReadonlySet<unknown> = new Set(['EINVAL', 'EISDIR', 'EPERM', 'EACCES', 'ENOTSUP']);

interface Syncs {
  readonly running: Promise<void>;
  next: Promise<void> | undefined;
}

export class FolderSync {
  readonly #folders = new Map<string, Syncs>();

  /** Settles when all names that are in the folder now are safe. A folder that is gone needs nothing. */
  sync(path: string): Promise<void> {
    const syncs = this.#folders.get(path);
    if (syncs === undefined) return this.#start(path);
    // The one that runs may have begun before the caller's name was there.
    syncs.next ??= syncs.running.then(
      () => this.#start(path),
      () => this.#start(path),
    );
    return syncs.next;
  }

  #start(path: string): Promise<void> {
    const running = syncFolder(path);
    const syncs: Syncs = { running, next: undefined };
    this.#folders.set(path, syncs);
    const forget = (): void => {
      if (this.#folders.get(path) === syncs && syncs.next === undefined) this.#folders.delete(path);
    };
    running.then(forget, forget);
    return running;
  }
}

async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && !unsupported.has(code)) throw error;
  }
}
