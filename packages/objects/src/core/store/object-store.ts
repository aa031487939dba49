/**
 * The seam of object stores: S3 and its relatives, a folder, memory.
 *
 * A store keeps whole objects by key. All it has to promise is what S3 promises today: a put is seen whole or not at all, whoever reads or
 * lists after a put or delete has settled sees it, and of two conditional puts with one condition at most one succeeds.
 */
import type { Abortable } from '@nbdjs/interfaces';

/** What a store can do. It does not change. */
export interface StoreAbilities {
  /**
   * `put` keeps to `ifNoneMatch` and `ifMatch`. Without it a store can be read only: nothing would keep two writers apart.
   */
  readonly conditionalPut: boolean;
  /** `delete` keeps to `ifMatch`. Without it, a delete with that condition is refused with a `UsageError`. */
  readonly conditionalDelete: boolean;
  /** The longest body of a `put`, in bytes. */
  readonly bodyBytesMax: number;
}

/** A range of an object. */
export interface StoreRange {
  /** First byte. */
  readonly start: number;
  /** Length in bytes, at least 1. */
  readonly length: number;
}

/** How an object is read. */
export interface GetOptions extends Abortable {
  /** Only these bytes. @default the whole object */
  readonly range?: StoreRange | undefined;
}

/** How an object is stored. At most one of the conditions may be given. */
export interface PutOptions extends Abortable {
  /** Only if there is no object of this key (`If-None-Match: *`). @default false */
  readonly ifNoneMatch?: boolean | undefined;
  /** Only if the object of this key has this ETag (`If-Match`). An object that is missing does not match. @default no condition */
  readonly ifMatch?: string | undefined;
}

/** How an object is removed. */
export interface DeleteOptions extends Abortable {
  /** Only if the object has this ETag; a missing one does not match. See `abilities.conditionalDelete`. @default no condition */
  readonly ifMatch?: string | undefined;
}

/** What a store knows about an object. */
export interface ObjectFacts {
  /** Length of the whole object, in bytes. */
  readonly size: number;
  /**
   * Changes whenever the content does. Compare it only with itself: its form is the store's own. Where the content is the same again,
   * the ETag may be, too.
   */
  readonly etag: string;
}

/** An object, or a range of it. */
export interface StoredObject extends ObjectFacts {
  /**
   * The bytes; the caller owns them. Of a range, those that the object has: fewer where it ends earlier, none where the range begins at
   * its end or behind it. A body that was cut short on the way is an error, never a shorter body.
   */
  readonly body: Uint8Array;
}

/** What a put has made. */
export interface PutResult {
  /** The ETag of the new object. */
  readonly etag: string;
}

/** What is listed. */
export interface ListOptions extends Abortable {
  /** Go on behind an earlier page. @default from the start */
  readonly continuation?: string | undefined;
  /** At most so many objects; the store may give fewer. @default the store's own, such as 1000 */
  readonly limit?: number | undefined;
}

/** One object in a list. */
export interface ListedObject {
  /** The whole key. */
  readonly key: string;
  /** Length in bytes. */
  readonly size: number;
  /** When it was stored, by the clock of the store, in milliseconds since 1970. `undefined` where the store does not say. */
  readonly modifiedMs?: number | undefined;
}

/** A part of a list. */
export interface ListPage {
  /** In no promised order. Each object that was there during all of the listing comes exactly once. */
  readonly objects: readonly ListedObject[];
  /** What gives the next page; `undefined` at the end. A page may be empty and have one. */
  readonly continuation?: string | undefined;
}

/**
 * Objects by key. Keys are texts as `requireKey` allows.
 *
 * Every call makes *one* attempt as far as conditions go: a put with a condition is never repeated inside of the store after an attempt
 * whose outcome is unknown, because the second attempt would fail for the first one's success. Who repeats such a put has to read what
 * is there. Gets, heads and lists may be repeated inside, within a limit.
 *
 * Errors: `UsageError` when the call itself is wrong, `StoreError` for the rest, with what can be done in its `code`. An aborted call
 * rejects with `signal.reason`; a put or delete that is aborted may still be carried out, even later.
 *
 * Bodies that are given are lent until the call settles.
 */
export interface ObjectStore {
  /** Which store it is, in words for messages, such as `bucket 'disks' at 127.0.0.1:9000`. It has no credentials in it. */
  readonly name: string;
  /** What it can do. */
  readonly abilities: StoreAbilities;
  /** @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no such object. */
  get(key: string, options?: GetOptions): Promise<StoredObject>;
  /** @throws StoreError `ERR_NBD_STORE_PRECONDITION` when the condition does not hold; nothing is changed then. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<PutResult>;
  /** @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no such object. */
  head(key: string, options?: Abortable): Promise<ObjectFacts>;
  /**
   * Removes an object. Without a condition, a missing one is no error.
   *
   * @throws StoreError `ERR_NBD_STORE_PRECONDITION` when the condition does not hold.
   */
  delete(key: string, options?: DeleteOptions): Promise<void>;
  /** Lists the objects whose keys begin with `prefix`, which may be empty. */
  list(prefix: string, options?: ListOptions): Promise<ListPage>;
  /** Ends connections. Calls in flight may fail. May be called more than once. */
  close(): Promise<void>;
}
