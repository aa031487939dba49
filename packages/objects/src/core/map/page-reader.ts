/** Reads index pages, and keeps those that were used last. */

import { Lru } from '../disk/lru.ts';
import { IndexPage } from '../format/index-page.ts';
import { keyOfObject, type ObjectName } from '../format/object-name.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Memory for pages, in bytes; each takes up to 128 KiB and describes 4096 blocks. */
const cacheBytes = 32 * 2 ** 20;

export class PageReader {
  readonly #store: ObjectStore;
  readonly #pages = new Lru<IndexPage>(cacheBytes);
  readonly #underWay = new Map<string, Promise<IndexPage>>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** The page, at once if it is known. */
  get(page: number, name: ObjectName): IndexPage | Promise<IndexPage> {
    const key = keyOfObject(name);
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    let loading = this.#underWay.get(key);
    if (loading === undefined) {
      loading = this.#load(page, key).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, loading);
    }
    return loading;
  }

  /** A page that was just written. */
  keep(page: number, name: ObjectName, body: Uint8Array): void {
    const key = keyOfObject(name);
    this.#pages.set(key, new IndexPage(`index page '${key}'`, page, body), body.length);
  }

  async #load(page: number, key: string): Promise<IndexPage> {
    const { body } = await this.#store.get(key);
    const loaded = new IndexPage(`index page '${key}'`, page, body);
    this.#pages.set(key, loaded, body.length);
    return loaded;
  }
}
