/**
 * Repeats calls to a store that may go better the next time, with growing and varied delays, within a limit of time. Each attempt has a
 * limit of its own, so that an answer that never comes is no end.
 *
 * A put with a condition whose outcome is unknown is repeated, too: when the next attempt meets an object that fails the condition, what
 * is there is read, and the put has succeeded if these are its own bytes. So bodies of such puts have to be unlike all others.
 */
import type { Abortable, Clock } from '@nbdjs/interfaces';
import {
  defineOptions,
  GrowingDelay,
  listenForAbort,
  type OptionsOf,
  option,
  type SettingsOf,
  stopListeningForAbort,
  untilAborted,
  wait,
} from '@nbdjs/kit';
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
import { isStoreError, StoreError, type StoreOperation } from './store-error.ts';

export const retryingStoreOptions = defineOptions({
  /** Measures the delays. */
  clock: option.object<Clock>({ required: true, doc: 'Measures the delays.' }),
  /** Numbers from 0 up to, not including, 1, to vary the delays. @default Math.random */
  random: option.callback<() => number>({
    default: Math.random,
    defaultText: 'Math.random',
    doc: 'Numbers from 0 up to, not including, 1, to vary the delays.',
  }),
  /** Time for a call with all its attempts, in milliseconds. @default 60000 */
  retryMs: option.milliseconds({
    default: 60_000,
    doc: 'Time for a call with all its attempts.',
    zero: 'one attempt',
  }),
  /** Time for one attempt, in milliseconds. @default 30000 */
  attemptMs: option.milliseconds({ default: 30_000, doc: 'Time for one attempt.' }),
  /** The first delay, in milliseconds; each further one is twice as long. @default 100 */
  delayMs: option.milliseconds({ default: 100, doc: 'The first delay; each further one is twice as long.' }),
  /** The longest delay, in milliseconds. @default 5000 */
  delayMsMax: option.milliseconds({ default: 5000, doc: 'The longest delay.' }),
  /** Called when a call has failed, and will be repeated after this delay, in milliseconds. @default none */
  onRetry: option.callback<(error: StoreError, delayMs: number) => void>({
    defaultText: 'none',
    doc: 'Called when a call has failed, and will be repeated after this delay.',
  }),
});

/** How calls are repeated. */
export interface RetryingStoreOptions extends OptionsOf<typeof retryingStoreOptions> {}

type Settings = SettingsOf<typeof retryingStoreOptions>;

/**
 * Puts repetition in front of a store. Closing it closes the store.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createRetryingStore(store: ObjectStore, options: RetryingStoreOptions): ObjectStore {
  return new RetryingStore(store, retryingStoreOptions.resolve('createRetryingStore', options));
}

class RetryingStore implements ObjectStore {
  readonly name: string;
  readonly abilities: StoreAbilities;
  readonly #store: ObjectStore;
  readonly #settings: Settings;

  constructor(store: ObjectStore, settings: Settings) {
    this.name = store.name;
    this.abilities = store.abilities;
    this.#store = store;
    this.#settings = settings;
  }

  get(key: string, options: GetOptions = {}): Promise<StoredObject> {
    return this.#repeat('get', key, options, (signal) => this.#store.get(key, { ...options, signal }));
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    const isConditional = options.ifNoneMatch === true || options.ifMatch !== undefined;
    let isUnknown = false;
    return this.#repeat('put', key, options, async (signal) => {
      try {
        return await this.#store.put(key, body, { ...options, signal });
      } catch (error) {
        if (isConditional && isUnknown && isStoreError(error, 'ERR_NBD_STORE_PRECONDITION')) {
          return this.#ownPut(key, body, error, signal);
        }
        // What was refused for being too much was not carried out; all else may have been.
        isUnknown ||= !isStoreError(error, 'ERR_NBD_STORE_THROTTLED');
        throw error;
      }
    });
  }

  head(key: string, options: Abortable = {}): Promise<ObjectFacts> {
    return this.#repeat('head', key, options, (signal) => this.#store.head(key, { signal }));
  }

  delete(key: string, options: DeleteOptions = {}): Promise<void> {
    let isUnknown = false;
    return this.#repeat('delete', key, options, async (signal) => {
      try {
        await this.#store.delete(key, { ...options, signal });
      } catch (error) {
        // An attempt without an answer may have removed it.
        if (isUnknown && isStoreError(error, 'ERR_NBD_STORE_PRECONDITION') && (await this.#isGone(key, signal))) return;
        isUnknown ||= !isStoreError(error, 'ERR_NBD_STORE_THROTTLED');
        throw error;
      }
    });
  }

  list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    return this.#repeat('list', prefix, options, (signal) => this.#store.list(prefix, { ...options, signal }));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** The condition fails after an attempt without an answer: perhaps because that attempt has succeeded. */
  async #ownPut(key: string, body: Uint8Array, refusal: unknown, signal: AbortSignal): Promise<PutResult> {
    let present: StoredObject;
    try {
      present = await this.#store.get(key, { signal });
    } catch (error) {
      throw isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND') ? refusal : error;
    }
    if (!isSame(present.body, body)) throw refusal;
    return { etag: present.etag };
  }

  async #isGone(key: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#store.head(key, { signal });
      return false;
    } catch (error) {
      if (isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND')) return true;
      throw error;
    }
  }

  async #repeat<Result>(
    operation: StoreOperation,
    key: string,
    { signal }: Abortable,
    attempt: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { clock, random, retryMs, attemptMs, delayMs, delayMsMax } = this.#settings;
    const delays = new GrowingDelay({ firstMs: delayMs, mostMs: delayMsMax });
    const endMs = clock.now() + retryMs;
    for (let attempts = 1; ; attempts++) {
      signal?.throwIfAborted();
      try {
        return await this.#attempt(operation, key, attemptMs, signal, attempt);
      } catch (error) {
        if (signal?.aborted) throw error;
        if (!mayPass(error)) throw error;
        // Anything from half of the delay to all of it, so that many clients do not come back at once.
        const pauseMs = Math.max(delays.next() * (0.5 + random() / 2), error.retryAfterMs ?? 0);
        if (clock.now() + pauseMs > endMs) throw attempts === 1 ? error : inAll(error, attempts);
        this.#settings.onRetry?.(error, pauseMs);
        await wait(clock, pauseMs, { signal });
      }
    }
  }

  /** One attempt, which ends with its time at the latest. */
  async #attempt<Result>(
    operation: StoreOperation,
    key: string,
    attemptMs: number,
    signal: AbortSignal | undefined,
    attempt: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const { clock } = this.#settings;
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(signal?.reason);
    const cancel = clock.schedule(
      attemptMs,
      () => {
        const message = `${operation} of '${key}' in ${this.name}: no answer after ${attemptMs} ms`;
        abort.abort(new StoreError('ERR_NBD_STORE_TRANSIENT', message, { operation, key }));
      },
      true,
    );
    if (signal !== undefined) listenForAbort(signal, onAbort);
    try {
      return await untilAborted(attempt(abort.signal), abort.signal);
    } finally {
      cancel();
      if (signal !== undefined) stopListeningForAbort(signal, onAbort);
    }
  }
}

function mayPass(error: unknown): error is StoreError {
  return isStoreError(error, 'ERR_NBD_STORE_TRANSIENT') || isStoreError(error, 'ERR_NBD_STORE_THROTTLED');
}

function inAll(error: StoreError, attempts: number): StoreError {
  const { code, message, operation, key, retryAfterMs } = error;
  return new StoreError(code, `${message} (${attempts} attempts)`, { operation, key, retryAfterMs, cause: error });
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
