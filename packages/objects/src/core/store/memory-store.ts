/** A store in memory: for tests, and to try things out. */
import { type Abortable, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { requireKey } from './key.ts';
import type {
  DeleteOptions,
  GetOptions,
  ListedObject,
  ListOptions,
  ListPage,
  ObjectFacts,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreAbilities,
  StoredObject,
} from './object-store.ts';
import { requireOneCondition, requireRange } from './requests.ts';
import { StoreError, type StoreOperation } from './store-error.ts';

export const memoryStoreOptions = defineOptions({
  /** Which store it is, in messages. @default memory */
  name: option.text({ default: 'memory', doc: 'Which store it is, in messages.' }),
});

/** The properties of a store in memory. */
export interface MemoryStoreOptions extends OptionsOf<typeof memoryStoreOptions> {}

interface Entry {
  readonly body: Uint8Array;
  readonly etag: string;
}

const pageObjects = 1000;

/**
 * Makes an empty store in memory. Each call is carried out at once, whole, and answered soon after.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): ObjectStore {
  return new MemoryStore(memoryStoreOptions.resolve('createMemoryStore', options).name);
}

class MemoryStore implements ObjectStore {
  readonly name: string;
  readonly abilities: StoreAbilities = {
    conditionalPut: true,
    conditionalDelete: true,
    bodyBytesMax: 2 ** 31 - 1,
  };
  readonly #objects = new Map<string, Entry>();
  #count = 0;
  #isClosed = false;

  constructor(name: string) {
    this.name = name;
  }

  async get(key: string, options: GetOptions = {}): Promise<StoredObject> {
    const { body, etag } = this.#find('get', key, options);
    const { range } = options;
    if (range !== undefined) requireRange(range);
    const bytes = range === undefined ? body : body.subarray(range.start, range.start + range.length);
    return { body: bytes.slice(), etag, size: body.length };
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    this.#enter(key, options);
    const { ifNoneMatch = false, ifMatch } = options;
    requireOneCondition(key, options);
    const present = this.#objects.get(key);
    if (ifNoneMatch && present !== undefined) throw this.#unmet('put', key, 'it is there already');
    if (ifMatch !== undefined) this.#requireMatch('put', key, ifMatch);
    this.#count++;
    const etag = `"${this.#count}"`;
    this.#objects.set(key, { body: body.slice(), etag });
    return { etag };
  }

  async head(key: string, options: Abortable = {}): Promise<ObjectFacts> {
    const { body, etag } = this.#find('head', key, options);
    return { etag, size: body.length };
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    this.#enter(key, options);
    if (options.ifMatch !== undefined) this.#requireMatch('delete', key, options.ifMatch);
    this.#objects.delete(key);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    this.#enter(undefined, options);
    const { continuation = '', limit = pageObjects } = options;
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > continuation).sort();
    const count = Math.max(1, Math.min(limit, pageObjects));
    const objects: ListedObject[] = keys
      .slice(0, count)
      .map((key) => ({ key, size: (this.#objects.get(key) as Entry).body.length }));
    return { objects, continuation: keys.length > count ? keys[count - 1] : undefined };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#objects.clear();
  }

  #enter(key: string | undefined, { signal }: Abortable): void {
    if (this.#isClosed) throw new UsageError('ERR_NBD_CLOSED', `the store ${this.name} is closed`);
    if (key !== undefined) requireKey(key);
    signal?.throwIfAborted();
  }

  #find(operation: StoreOperation, key: string, options: Abortable): Entry {
    this.#enter(key, options);
    const entry = this.#objects.get(key);
    if (entry !== undefined) return entry;
    const message = `${operation} of '${key}' in ${this.name}: there is no such object`;
    throw new StoreError('ERR_NBD_STORE_NOT_FOUND', message, { operation, key });
  }

  #requireMatch(operation: StoreOperation, key: string, etag: string): void {
    const present = this.#objects.get(key)?.etag;
    if (present !== etag) throw this.#unmet(operation, key, `its ETag is ${present ?? 'none'}, expected ${etag}`);
  }

  #unmet(operation: StoreOperation, key: string, why: string): StoreError {
    const message = `${operation} of '${key}' in ${this.name}: the condition does not hold, ${why}`;
    return new StoreError('ERR_NBD_STORE_PRECONDITION', message, { operation, key });
  }
}
