/** What the commands of `nbd objects` have in common. */
import { untilAborted } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { ObjectStore } from '@nbdjs/objects';
import { isConfirmed } from '../../confirmation.ts';
import type { StoreAddress } from '../../objects/disk-operand.ts';
import { openStore } from '../../objects/open-store.ts';
import type { Terminal } from '../../terminal.ts';

/** How all of them use a store. */
export const use = { clock: systemClock };

/** Does something with a store, until that is done or the program is interrupted. */
export async function inStore<Result>(
  address: StoreAddress,
  { signal }: Terminal,
  work: (store: ObjectStore) => Promise<Result>,
  create = false,
): Promise<Result> {
  const store = await openStore(address, create);
  try {
    return await untilAborted(work(store), signal);
  } finally {
    // What still goes on after an interruption ends with its next request.
    await store.close();
  }
}

/** Returns whether a person, or `--yes`, allows it. @throws UsageError where there is no terminal to ask at. */
export async function isAllowed(
  question: string,
  { yes }: { readonly yes?: boolean | undefined },
  terminal: Terminal,
): Promise<boolean> {
  if (yes === true) return true;
  return isConfirmed(terminal, `${question} [y/N] `, `${question} There is no terminal to ask at: say so by --yes`);
}
