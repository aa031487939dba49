/** Whether a store keeps to conditions. Some stores ignore them without a word; two writers would destroy a disk there. */
import { UsageError } from '@nbdjs/interfaces';
import type { ObjectStore } from '../store/object-store.ts';
import { isStoreError } from '../store/store-error.ts';

/** An object of no use besides this. */
const key = 'probe';

/** In the form that S3 has; no object has it. */
const otherEtag = '"00000000000000000000000000000000"';

/**
 * Tries both conditions where they have to fail.
 *
 * @param nonce makes the objects of this call unlike all others
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the store does not keep to them.
 */
export async function requireConditions(store: ObjectStore, nonce: string): Promise<void> {
  if (!store.abilities.conditionalPut) throw refusal(store, 'conditional puts');
  const body = (text: string): Uint8Array => new TextEncoder().encode(`${text} ${nonce}`);
  // The first may succeed, if the store is new.
  await isPut(store, body('first'), { ifNoneMatch: true });
  if (await isPut(store, body('second'), { ifNoneMatch: true })) throw refusal(store, 'If-None-Match');
  if (await isPut(store, body('third'), { ifMatch: otherEtag })) throw refusal(store, 'If-Match');
}

async function isPut(
  store: ObjectStore,
  body: Uint8Array,
  condition: { readonly ifNoneMatch?: boolean; readonly ifMatch?: string },
): Promise<boolean> {
  try {
    await store.put(key, body, condition);
    return true;
  } catch (error) {
    if (isStoreError(error, 'ERR_NBD_STORE_PRECONDITION')) return false;
    throw error;
  }
}

function refusal(store: ObjectStore, what: string): UsageError {
  const message = `${store.name} does not keep to ${what}, which writing needs to keep two writers apart; it can be read only`;
  return new UsageError('ERR_NBD_NOT_SUPPORTED', message);
}
