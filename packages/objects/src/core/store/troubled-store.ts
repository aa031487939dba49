/** A store with faults and latency, for tests of the code that uses stores. Time is a parameter, so it works in virtual time, too. */
import type { Abortable, Clock } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, untilAborted, wait } from '@nbdjs/kit';
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
} from './object-store.ts';
import { StoreError, type StoreErrorCode, type StoreOperation } from './store-error.ts';

/** A call that is about to be made. */
export interface StoreCall {
  /** Counts the calls from 0. */
  readonly index: number;
  /** Which call it is. */
  readonly operation: StoreOperation;
  /** The object's key, or the prefix of a list. */
  readonly key: string;
  /** The length of the body of a put, in bytes; 0 for other calls. */
  readonly bytes: number;
}

/** What happens to a call. */
export interface StoreTrouble {
  /** Time until it reaches the store, in milliseconds. An aborted call is still carried out then. @default 0 */
  readonly delayMs?: number | undefined;
  /** Time from there until its answer, in milliseconds. @default 0 */
  readonly answerMs?: number | undefined;
  /** It fails with this code; see `isCarriedOut`. @default it does not fail */
  readonly error?: StoreErrorCode | undefined;
  /** Of a call that fails: whether the store has carried it out, and only the answer is lost. @default false */
  readonly isCarriedOut?: boolean | undefined;
  /** The wish of the store that its error has, in milliseconds. @default none */
  readonly retryAfterMs?: number | undefined;
}

export const troubledStoreOptions = defineOptions({
  /** Measures the delays. */
  clock: option.object<Clock>({ required: true, doc: 'Measures the delays.' }),
  /** Asked before each call; what it returns happens to the call. `undefined`: the call goes on undisturbed. */
  trouble: option.callback<(call: StoreCall) => StoreTrouble | undefined>({
    required: true,
    doc: 'Asked before each call; what it returns happens to the call. `undefined`: the call goes on undisturbed.',
  }),
});

/** What goes wrong, and when. */
export interface TroubledStoreOptions extends OptionsOf<typeof troubledStoreOptions> {}

/**
 * Puts delays and failures in front of a store. Closing it leaves the store below open.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createTroubledStore(store: ObjectStore, options: TroubledStoreOptions): ObjectStore {
  const { clock, trouble } = troubledStoreOptions.resolve('createTroubledStore', options);
  return new TroubledStore(store, clock, trouble);
}

class TroubledStore implements ObjectStore {
  readonly name: string;
  readonly abilities: StoreAbilities;
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #trouble: (call: StoreCall) => StoreTrouble | undefined;
  #index = 0;

  constructor(store: ObjectStore, clock: Clock, trouble: (call: StoreCall) => StoreTrouble | undefined) {
    this.name = store.name;
    this.abilities = store.abilities;
    this.#store = store;
    this.#clock = clock;
    this.#trouble = trouble;
  }

  get(key: string, options: GetOptions = {}): Promise<StoredObject> {
    return this.#call('get', key, 0, options, () => this.#store.get(key, { ...options, signal: undefined }));
  }

  put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    // The caller's memory is lent until the call settles, and the call may be carried out later.
    const kept = body.slice();
    return this.#call('put', key, body.length, options, () =>
      this.#store.put(key, kept, { ...options, signal: undefined }),
    );
  }

  head(key: string, options: Abortable = {}): Promise<ObjectFacts> {
    return this.#call('head', key, 0, options, () => this.#store.head(key));
  }

  delete(key: string, options: DeleteOptions = {}): Promise<void> {
    return this.#call('delete', key, 0, options, () => this.#store.delete(key, { ...options, signal: undefined }));
  }

  list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    return this.#call('list', prefix, 0, options, () => this.#store.list(prefix, { ...options, signal: undefined }));
  }

  async close(): Promise<void> {}

  async #call<Result>(
    operation: StoreOperation,
    key: string,
    bytes: number,
    { signal }: Abortable,
    work: () => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const trouble = this.#trouble({ index: this.#index++, operation, key, bytes }) ?? {};
    return untilAborted(this.#suffer(operation, key, trouble, work), signal);
  }

  async #suffer<Result>(
    operation: StoreOperation,
    key: string,
    { delayMs = 0, answerMs = 0, error, isCarriedOut = false, retryAfterMs }: StoreTrouble,
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (delayMs > 0) await wait(this.#clock, delayMs);
    const answer = error === undefined || isCarriedOut ? settle(work()) : undefined;
    const told = await answer;
    if (answerMs > 0) await wait(this.#clock, answerMs);
    if (error !== undefined) {
      const message = `${operation} of '${key}' in ${this.name} fails, as the test was set up`;
      throw new StoreError(error, message, { operation, key, retryAfterMs });
    }
    return (told as () => Result)();
  }
}

/** The outcome as a function, so that a failure is told only after the answer's time. */
async function settle<Result>(work: Promise<Result>): Promise<() => Result> {
  try {
    const result = await work;
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
