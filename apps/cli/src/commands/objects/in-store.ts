/** What the commands of `nbd objects` have in common. */
import { untilAborted } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { ObjectStore } from '@nbdjs/objects';
import { isConfirmed } from '../../confirmation.ts';
import type { StoreAddress } from '../../objects/disk-operand.ts';
import { openStore } from '../../objects/open-store.ts';
import { type StoreNotes, storeNotes } from '../../objects/store-notes.ts';
import type { Terminal } from '../../terminal.ts';

/** How all of them use a store. */
export interface Use extends Pick<StoreNotes, 'onRetry'> {
  readonly clock: typeof systemClock;
}

/** Does something with a store, until that is done or the program is interrupted. */
export async function inStore<Result>(
  address: StoreAddress,
  terminal: Terminal,
  work: (store: ObjectStore, use: Use) => Promise<Result>,
  create = false,
): Promise<Result> {
  const notes = storeNotes(terminal);
  const store = await openStore(address, notes, create);
  try {
    return await untilAborted(work(store, { clock: systemClock, onRetry: notes.onRetry }), terminal.signal);
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
