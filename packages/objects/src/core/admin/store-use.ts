/** What the functions that look after disks have in common. */
import { type StoreUse, type StoreUseOptions, storeUseOptions } from '../disk/options.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { createRetryingStore } from '../store/retrying-store.ts';

/** Checks the options, and puts repetition in front of the store. */
export function useStore(
  caller: string,
  store: ObjectStore,
  options: StoreUseOptions,
): { readonly patient: ObjectStore; readonly settings: StoreUse } {
  const settings = storeUseOptions.resolve(caller, options);
  const { clock, random, retryMs, attemptMs, onRetry } = settings;
  return { settings, patient: createRetryingStore(store, { clock, random, retryMs, attemptMs, onRetry }) };
}

/** All objects whose keys begin with a prefix, page by page. */
export async function* listAll(store: ObjectStore, prefix: string) {
  let continuation: string | undefined;
  do {
    const page = await store.list(prefix, { continuation });
    yield* page.objects;
    continuation = page.continuation;
  } while (continuation !== undefined);
}
