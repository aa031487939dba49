/** Lists in pages. A list that goes on is kept, so that large folders are not read again for each page; any other goes on from its last key. */
import { stat } from 'node:fs/promises';
import type { ListedObject, ListOptions, ListPage } from '../core/store/object-store.ts';
import { type KeyFound, walkKeys } from './key-walk.ts';
import type { Layout } from './layout.ts';
import { lineBytes } from './object-file.ts';

const pageObjects = 1000;

/** Lists that are kept; the oldest is given up. */
const walksMax = 8;

export class KeyPages {
  readonly #layout: Layout;
  /** By their prefix and their last key. */
  readonly #walks = new Map<string, AsyncGenerator<KeyFound>>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async read(prefix: string, { continuation = '', limit = pageObjects }: ListOptions): Promise<ListPage> {
    // An empty folder and one that is not there must not be mistaken for each other.
    await stat(this.#layout.data);
    const id = `${prefix}\n${continuation}`;
    const walk = this.#walks.get(id) ?? walkKeys(this.#layout.data, prefix, continuation);
    this.#walks.delete(id);
    const count = Math.max(1, Math.min(limit, pageObjects));
    const found: KeyFound[] = [];
    while (found.length < count) {
      const next = await walk.next();
      if (next.done === true) return { objects: await factsOf(found) };
      found.push(next.value);
    }
    const { key } = found.at(-1) as KeyFound;
    this.#walks.set(`${prefix}\n${key}`, walk);
    for (const oldest of this.#walks.keys()) {
      if (this.#walks.size <= walksMax) break;
      this.#walks.delete(oldest);
    }
    return { objects: await factsOf(found), continuation: key };
  }

  clear(): void {
    this.#walks.clear();
  }
}

/** Those that are still there. */
async function factsOf(found: readonly KeyFound[]): Promise<readonly ListedObject[]> {
  const facts = await Promise.all(found.map(factOf));
  return facts.filter((fact) => fact !== undefined);
}

async function factOf({ key, path }: KeyFound): Promise<ListedObject | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { key, size: Math.max(0, size - lineBytes), modifiedMs: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
